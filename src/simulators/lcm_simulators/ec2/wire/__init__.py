"""How AWS writes requests and answers: query parameters, XML, CBOR and JSON, as trees of plain values."""
