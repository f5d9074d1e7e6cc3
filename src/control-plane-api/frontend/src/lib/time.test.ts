import { beforeEach, describe, expect, it, vi } from "vitest";

describe("the platform's time", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
    vi.stubGlobal("localStorage", { getItem: () => null });
    vi.stubGlobal("window", globalThis);
  });

  it("runs as fast as the platform says", async () => {
    const time = await import("./time");
    time.setClock("2026-11-25T12:00:00Z", 40);
    vi.setSystemTime(60_000);
    expect(new Date(time.present()).toISOString()).toBe("2026-11-25T12:40:00.000Z");
  });

  it("is told in words", async () => {
    const { duration, relative } = await import("./time");
    expect(duration(3_905)).toBe("1h 05m");
    expect(relative("1970-01-01T00:00:00Z", 300_000)).toBe("5m 00s ago");
    expect(relative("1970-01-01T02:00:00Z", 0)).toBe("in 2h 00m");
  });
});
