import { describe, expect, it } from "vitest";
import { Collection } from "./store";

function item(id: string, version: number): { id: string; version: number } {
  return { id, version };
}

describe("a collection", () => {
  it("shows nothing before the flush, so that a burst is one drawing", () => {
    const collection = new Collection();
    collection.put(item("a", 1));
    expect(collection.list.value).toEqual([]);
    collection.flush();
    expect(collection.list.value).toEqual([item("a", 1)]);
  });

  it("never goes back to an older version", () => {
    const collection = new Collection();
    collection.put(item("a", 2));
    collection.put(item("a", 1));
    collection.flush();
    expect(collection.get("a")).toEqual(item("a", 2));
  });

  it("forgets what a complete snapshot does not name", () => {
    const collection = new Collection();
    collection.put(item("a", 1));
    collection.put(item("b", 1));
    collection.flush();
    collection.keepOnly(new Set(["b"]));
    collection.flush();
    expect(collection.list.value).toEqual([item("b", 1)]);
  });
});
