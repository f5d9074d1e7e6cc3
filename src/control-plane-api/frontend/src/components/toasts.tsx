/** Outcomes of commands, shown for a while and read out. */
import { signal } from "@preact/signals";
import { ApiError } from "../api/client";

interface Toast {
  id: number;
  tone: "success" | "danger" | "warning";
  text: string;
}

const SHOWN_MS = 6000;
const toasts = signal<Toast[]>([]);
let next = 1;

function show(tone: Toast["tone"], text: string): void {
  const toast = { id: next++, tone, text };
  toasts.value = [...toasts.value.slice(-3), toast];
  if (tone === "success") window.setTimeout(() => dismiss(toast.id), SHOWN_MS);
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function succeeded(text: string): void {
  show("success", text);
}

/** Something that was not asked for and stays until it is read. */
export function noticed(text: string, urgent: boolean): void {
  show(urgent ? "danger" : "warning", text);
}

export function failed(error: unknown): void {
  show("danger", error instanceof Error ? error.message : String(error));
}

/** Run a command and tell its outcome; whether it succeeded. */
export async function attempt(done: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    succeeded(done);
    return true;
  } catch (error) {
    failed(error);
    if (!(error instanceof ApiError)) throw error;
    return false;
  }
}

export function Toasts() {
  return (
    <div class="toast-container position-fixed bottom-0 end-0 p-3" aria-live="polite" data-testid="toasts">
      {toasts.value.map((toast) => (
        <div
          class={`toast show text-bg-${toast.tone} mb-2`}
          key={toast.id}
          role={toast.tone === "danger" ? "alert" : "status"}
        >
          <div class="d-flex">
            <div class="toast-body text-break">{toast.text}</div>
            <button
              type="button"
              class="btn-close btn-close-white me-2 m-auto"
              aria-label="Dismiss"
              onClick={() => dismiss(toast.id)}
            />
          </div>
        </div>
      ))}
    </div>
  );
}
