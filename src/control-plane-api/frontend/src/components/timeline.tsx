/** Bookings over time: one row per worker, one bar per session, and a line at the present. */
import { ticksOf, UNPLACED, type Booking, type Row, type Window } from "../lib/bookings";
import { words } from "../lib/format";
import { toneOf } from "../lib/phases";
import { absolute, hourLabel, now, showUtc } from "../lib/time";

const LANE_REM = 1.7;

export function Timeline({ rows, window }: { rows: Row[]; window: Window }) {
  const across = (instant: number) => (100 * (instant - window.start)) / (window.end - window.start);
  const present = across(now.value);
  return (
    <div class="timeline border rounded" data-testid="timeline" tabIndex={0} role="group" aria-label="Bookings">
      <div class="timeline-inner">
        <div class="timeline-row timeline-head" aria-hidden="true">
          <span class="timeline-name" />
          <div class="timeline-track">
            {ticksOf(window).map((tick) => (
              <span class="timeline-tick" key={tick} style={{ left: `${across(tick)}%` }}>
                {hourLabel(tick, showUtc.value, window.end - window.start > 90_000_000)}
              </span>
            ))}
          </div>
        </div>
        {rows.map((row) => (
          <div class="timeline-row" key={row.id} role="group" aria-label={row.title}>
            <span class="timeline-name text-truncate" title={row.title}>
              {row.id === UNPLACED ? row.title : <a href={`/workers/${row.id}`}>{row.title}</a>}
            </span>
            <div class="timeline-track" style={{ height: `${row.lanes * LANE_REM + 0.4}rem` }}>
              {ticksOf(window).map((tick) => (
                <span class="timeline-line" key={tick} style={{ left: `${across(tick)}%` }} />
              ))}
              {row.bookings.map((booking) => (
                <Bar booking={booking} key={booking.id} across={across} />
              ))}
              {present >= 0 && present <= 100 && <span class="timeline-now" style={{ left: `${present}%` }} />}
            </div>
          </div>
        ))}
      </div>
    </div>
  );
}

function Bar({ booking, across }: { booking: Booking; across: (instant: number) => number }) {
  const left = Math.max(0, across(booking.start));
  const right = Math.min(100, across(booking.end));
  const times = [booking.start, booking.end].map((at) => absolute(new Date(at).toISOString(), showUtc.value));
  const text = `${booking.title}, ${words(booking.phase).toLowerCase()}, ${times.join(" to ")}`;
  return (
    <a
      href={`/sessions/${booking.id}`}
      class={`booking text-bg-${toneOf(booking.phase)} text-truncate`}
      style={{
        left: `min(${left}%, 100% - 1.5rem)`,
        width: `${right - left}%`,
        top: `${booking.lane * LANE_REM + 0.2}rem`,
      }}
      title={text}
      aria-label={text}
    >
      {booking.title}
    </a>
  );
}
