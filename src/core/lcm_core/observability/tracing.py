"""OpenTelemetry traces that travel over HTTP headers and through etcd values.

The only carrier used is W3C ``traceparent``. Without ``OTEL_EXPORTER_OTLP_ENDPOINT`` spans are made and not exported,
so correlation ids in logs work everywhere.
"""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("lcm")


def configure_tracing(service: str, *, otlp_endpoint: str | None) -> TracerProvider:
    """Install the tracer of this process.

    Args:
        service: ``service.name`` of every span.
        otlp_endpoint: base URL of an OTLP/HTTP receiver (``http://host:4318``), or None to export nothing.

    Returns the provider; call its ``shutdown`` at the end so that the last spans leave.
    """
    # Without a receiver only the ids matter: a span that is not sampled has them and costs a third.
    sampler = ParentBased(ALWAYS_ON) if otlp_endpoint else ALWAYS_OFF
    provider = TracerProvider(resource=Resource.create({"service.name": service}), sampler=sampler)
    if otlp_endpoint:
        exporter = OTLPSpanExporter(endpoint=f"{otlp_endpoint.rstrip('/')}/v1/traces", timeout=5)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


def current_traceparent() -> str | None:
    """``traceparent`` of the current span, to store in an etcd value; None outside of any span."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")


def current_trace_id() -> str | None:
    """Trace id of the current span in hexadecimal; it is the correlation id of logs and audit entries."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


@contextmanager
def continued_span(
    name: str, traceparent: str | None, *, attributes: dict[str, str] | None = None, kind: SpanKind = SpanKind.CONSUMER
) -> Iterator[Span]:
    """A span that continues the trace in ``traceparent``, or starts one when that is absent or malformed."""
    parent = _PROPAGATOR.extract({"traceparent": traceparent}) if traceparent else None
    with _TRACER.start_as_current_span(name, context=parent, kind=kind, attributes=attributes) as span:
        yield span


@contextmanager
def client_span(name: str, headers: MutableMapping[str, str]) -> Iterator[Span]:
    """A span around an outgoing call; writes ``traceparent`` into the headers."""
    with _TRACER.start_as_current_span(name, kind=SpanKind.CLIENT) as span:
        _PROPAGATOR.inject(headers)
        yield span


def mark_failed(span: Span, sentence: str) -> None:
    """Mark a span as failed with one sentence."""
    span.set_status(Status(StatusCode.ERROR, sentence))
