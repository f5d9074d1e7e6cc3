import { describe, expect, it } from "vitest";
import { intoLanes, ticksOf, windowAround, type Booking } from "./bookings";

const HOUR = 3_600_000;

function booking(start: number, end: number): Booking {
  return { id: `${start}`, row: "w", title: "", start: start * HOUR, end: end * HOUR, phase: "ready", lane: 0 };
}

const DAY = { start: 0, end: 24 * HOUR };

describe("bookings", () => {
  it("stand below each other while they overlap, and share a lane after", () => {
    const bookings = [booking(1, 3), booking(2, 4), booking(3, 5)];
    expect(intoLanes(bookings, DAY)).toBe(2);
    expect(bookings.map((one) => one.lane)).toEqual([0, 1, 0]);
  });

  it("do not cover each other when they are drawn wider than they are long", () => {
    const brief = [booking(1, 1.1), booking(1.2, 1.3), booking(3, 3.1)];
    expect(intoLanes(brief, DAY)).toBe(2);
    expect(brief.map((one) => one.lane)).toEqual([0, 1, 0]);
    const atTheEnd = [booking(23.2, 23.4), booking(23.8, 23.9)];
    expect(intoLanes(atTheEnd, DAY)).toBe(2);
    const fromYesterday = [booking(-1, 0.1), booking(0.2, 0.4)];
    expect(intoLanes(fromYesterday, DAY)).toBe(2);
  });

  it("need one lane when there are none", () => {
    expect(intoLanes([], DAY)).toBe(1);
  });
});

describe("the window of the calendar", () => {
  const wednesday = Date.UTC(2026, 10, 25, 14, 30);

  it("is the day around an instant", () => {
    const window = windowAround(wednesday, "day", true);
    expect([window.start, window.end]).toEqual([Date.UTC(2026, 10, 25), Date.UTC(2026, 10, 26)]);
    expect(ticksOf(window)).toHaveLength(12);
  });

  it("is the week from Monday on", () => {
    const window = windowAround(wednesday, "week", true);
    expect([window.start, window.end]).toEqual([Date.UTC(2026, 10, 23), Date.UTC(2026, 10, 30)]);
    expect(ticksOf(window)).toHaveLength(7);
  });

  it("keeps a Sunday in the week before", () => {
    expect(windowAround(Date.UTC(2026, 10, 29, 23), "week", true).start).toBe(Date.UTC(2026, 10, 23));
  });
});
