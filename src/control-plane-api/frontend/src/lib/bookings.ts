/** Sessions as bookings on workers, and the window of the calendar that shows them. */
import type { Session, Worker } from "../api/types";
import { slotOf } from "./phases";

export interface Booking {
  id: string;
  row: string;
  title: string;
  /** Milliseconds. */
  start: number;
  end: number;
  phase: string;
  /** Bookings of one row that overlap stand in different lanes. */
  lane: number;
}

export interface Row {
  id: string;
  title: string;
  bookings: Booking[];
  lanes: number;
}

export interface Window {
  start: number;
  end: number;
}

export type Span = "day" | "week";

/** The row of sessions that have no worker yet. */
export const UNPLACED = "unplaced";
const HOUR = 3_600_000;

/** What is booked, what waits, and what ran: sessions that ended without a place are left out. */
function bookingsOf(sessions: readonly Session[], window: Window): Booking[] {
  return sessions
    .filter((session) => session.status.placement || session.status.phase !== "terminated")
    .map((session) => ({
      id: session.id,
      row: session.status.placement?.worker_id ?? UNPLACED,
      title: `${session.spec.definition_title || session.spec.definition_name}, ${session.spec.owner}`,
      start: Date.parse(slotOf(session).start),
      end: Date.parse(slotOf(session).end),
      phase: session.status.phase,
      lane: 0,
    }))
    .filter((booking) => booking.end > window.start && booking.start < window.end)
    .sort((a, b) => a.start - b.start || a.id.localeCompare(b.id));
}

/** The share of a window that the narrowest bar covers: 24 pixels, which a finger can hit, of the narrowest track. */
const NARROWEST = 0.045;

/** Give each booking the first lane that is free at its start; the number of lanes. A bar is never too narrow to hit. */
export function intoLanes(bookings: Booking[], window: Window): number {
  const least = NARROWEST * (window.end - window.start);
  const free: number[] = [];
  for (const booking of bookings) {
    const from = Math.min(Math.max(booking.start, window.start), window.end - least);
    const found = free.findIndex((until) => until <= from);
    booking.lane = found < 0 ? free.length : found;
    free[booking.lane] = Math.max(booking.end, from + least);
  }
  return Math.max(1, free.length);
}

/** One row per worker that exists or is booked, and first one for what has no place yet, when there is such. */
export function rowsOf(workers: readonly Worker[], sessions: readonly Session[], window: Window): Row[] {
  const byRow = new Map<string, Booking[]>();
  for (const booking of bookingsOf(sessions, window)) {
    const known = byRow.get(booking.row);
    if (known) known.push(booking);
    else byRow.set(booking.row, [booking]);
  }
  const row = (id: string, title: string): Row => {
    const bookings = byRow.get(id) ?? [];
    return { id, title, bookings, lanes: intoLanes(bookings, window) };
  };
  const rows = workers
    .filter((worker) => worker.status.phase !== "terminated" || byRow.has(worker.id))
    .map((worker) => row(worker.id, worker.spec.name))
    .sort((a, b) => a.title.localeCompare(b.title, undefined, { numeric: true }));
  return byRow.has(UNPLACED) ? [row(UNPLACED, "Not placed yet"), ...rows] : rows;
}

/** The day or the week (from Monday) that holds an instant, in local time or UTC. */
export function windowAround(instant: number, span: Span, utc: boolean): Window {
  const date = new Date(instant);
  const [year, month, day, weekday] = utc
    ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCDay()]
    : [date.getFullYear(), date.getMonth(), date.getDate(), date.getDay()];
  const first = span === "day" ? day : day - ((weekday + 6) % 7);
  const at = (which: number) => (utc ? Date.UTC(year, month, which) : new Date(year, month, which).getTime());
  return { start: at(first), end: at(first + (span === "day" ? 1 : 7)) };
}

/** The instants that get a label: every two hours of a day, every day of a week. */
export function ticksOf(window: Window): number[] {
  const step = window.end - window.start > 26 * HOUR ? 24 * HOUR : 2 * HOUR;
  const ticks: number[] = [];
  for (let at = window.start; at < window.end; at += step) ticks.push(at);
  return ticks;
}

/** The step, in minutes, that shows a window in readable detail. */
export function stepOf(window: Window): number {
  return window.end - window.start > 26 * HOUR ? 60 : 15;
}
