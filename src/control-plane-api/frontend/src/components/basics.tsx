/** Small pieces that every page uses. */
import type { ComponentChildren } from "preact";
import { hasSnapshot, lastHeard, streamState } from "../live/stream";
import { words } from "../lib/format";
import { toneOf, type Tone } from "../lib/phases";
import { absolute, duration, now, relative, showUtc } from "../lib/time";

export function Badge({ tone, children, title }: { tone: Tone; children: ComponentChildren; title?: string }) {
  return (
    <span class={`badge text-bg-${tone}`} title={title}>
      {children}
    </span>
  );
}

export function Phase({ phase }: { phase: string }) {
  return <Badge tone={toneOf(phase)}>{words(phase)}</Badge>;
}

/** A relative time whose tooltip is the absolute one. */
export function Ago({ at }: { at: string | null | undefined }) {
  if (!at) return <span class="text-body-secondary">–</span>;
  return (
    <time dateTime={at} title={absolute(at, showUtc.value, true)}>
      {relative(at, now.value)}
    </time>
  );
}

/** An absolute time whose tooltip is the relative one. */
export function At({ at, seconds = false }: { at: string | null | undefined; seconds?: boolean }) {
  if (!at) return <span class="text-body-secondary">–</span>;
  return (
    <time dateTime={at} title={relative(at, now.value)}>
      {absolute(at, showUtc.value, seconds)}
    </time>
  );
}

const STATE_TONES: Record<string, Tone> = {
  connected: "success",
  connecting: "info",
  reconnecting: "warning",
  disconnected: "secondary",
  error: "danger",
};

/** Whether what is shown is live. */
export function ConnectionBadge() {
  const state = streamState.value;
  // The platform's clock may run faster than this one, which counts the silence of the connection.
  const seconds = now.value && lastHeard.value ? (Date.now() - lastHeard.value) / 1000 : 0;
  const quiet = seconds > 2 ? ` Last heard ${duration(seconds)} ago.` : "";
  return (
    <span class="d-inline-flex align-items-center" role="status" aria-live="polite" data-testid="connection">
      <Badge tone={STATE_TONES[state] ?? "secondary"} title={`The event stream is ${state}.${quiet}`}>
        {state}
      </Badge>
    </span>
  );
}

/** Says that there is nothing, and what to do about it; `page` when it stands for a whole page. */
export function Empty({ title, children, page }: { title: string; children?: ComponentChildren; page?: boolean }) {
  return (
    <div class="text-center text-body-secondary py-4">
      {page ? <h1 class="h6">{title}</h1> : <p class="h6">{title}</p>}
      {children}
    </div>
  );
}

/** Shows its children once the first complete picture has arrived, greyed while it is not live. */
export function Live({ what, children }: { what: string; children: ComponentChildren }) {
  if (!hasSnapshot.value) {
    return (
      <div class="text-center text-body-secondary py-5" role="status">
        <div class="spinner-border spinner-border-sm me-2" aria-hidden="true" />
        Awaiting {what} snapshot events
      </div>
    );
  }
  const stale = streamState.value !== "connected";
  return (
    <div class={stale ? "stale" : ""} aria-busy={stale}>
      {stale && (
        <p class="alert alert-warning py-1 small" role="status">
          The connection is {streamState.value}: what you see may be out of date.
        </p>
      )}
      {children}
    </div>
  );
}

export function Bar({ value, label }: { value: number | null | undefined; label: string }) {
  if (value === null || value === undefined) return <span class="text-body-secondary">–</span>;
  const tone = value >= 90 ? "danger" : value >= 75 ? "warning" : "primary";
  return (
    <div class="d-flex align-items-center gap-2" title={`${label}: ${value.toFixed(0)} %`}>
      <progress class={`meter meter-${tone}`} max={100} value={value} aria-label={label} />
      <span class="small tabular">{value.toFixed(0)} %</span>
    </div>
  );
}

export function Facts({ rows }: { rows: [string, ComponentChildren][] }) {
  return (
    <dl class="row mb-0 small">
      {rows.map(([name, value]) => (
        <div class="col-12 col-md-6 d-flex border-bottom py-1" key={name}>
          <dt class="fw-normal text-body-secondary flex-shrink-0 facts-name">{name}</dt>
          <dd class="mb-0 text-break">{value === "" || value === null || value === undefined ? "–" : value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Card({
  title,
  actions,
  children,
}: {
  title: string;
  actions?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class="card mb-3">
      <div class="card-header d-flex justify-content-between align-items-center gap-2">
        <h2 class="h6 mb-0">{title}</h2>
        {actions}
      </div>
      <div class="card-body">{children}</div>
    </section>
  );
}

/** A table that may be wider than the window; the keyboard scrolls it too. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="table-responsive" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}

export function PageTitle({ title, children }: { title: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="d-flex flex-wrap justify-content-between align-items-center gap-2 mb-3">
      <h1 class="h4 mb-0">{title}</h1>
      <div class="d-flex flex-wrap gap-2">{children}</div>
    </div>
  );
}
