import { describe, expect, it } from "vitest";
import { arrange, readState, writeState, type Column } from "./list";

interface Item {
  name: string;
  phase: string;
}

const COLUMNS: Column<Item>[] = [{ key: "name", title: "Name", value: (item) => item.name }];
const ITEMS: Item[] = [
  { name: "worker-10", phase: "running" },
  { name: "worker-9", phase: "stopped" },
  { name: "worker-1", phase: "running" },
];

function names(query: string): string[] {
  const state = readState(new URLSearchParams(query), ["phase"], "name");
  return arrange(ITEMS, COLUMNS, state, { phase: (item) => item.phase }, (item) => `${item.name} ${item.phase}`).map(
    (item) => item.name,
  );
}

describe("a list", () => {
  it("sorts numbers in names as people do", () => {
    expect(names("")).toEqual(["worker-1", "worker-9", "worker-10"]);
  });

  it("sorts downward", () => {
    expect(names("sort=-name")).toEqual(["worker-10", "worker-9", "worker-1"]);
  });

  it("finds every word, in any order", () => {
    expect(names("q=running 10")).toEqual(["worker-10"]);
  });

  it("filters", () => {
    expect(names("phase=stopped")).toEqual(["worker-9"]);
  });

  it("says in the address only what differs from the usual view", () => {
    const query = "?q=x&phase=stopped&sort=-name&page=2";
    expect(writeState(readState(new URLSearchParams(query), ["phase"], "name"), "name")).toBe(query);
    expect(writeState(readState(new URLSearchParams(""), ["phase"], "name"), "name")).toBe("");
  });
});
