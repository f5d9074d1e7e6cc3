/** Calls to the REST API with the browser's session. Commands and chart history only: live data comes over the stream. */
import type { Problem } from "./types";

/** A refused call, in the server's words. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem | null;

  constructor(status: number, problem: Problem | null, fallback: string) {
    const fields = (problem?.errors ?? []).map((fault) => `${fault.field}: ${fault.message}`).join("; ");
    super([problem?.detail || problem?.title || fallback, fields].filter(Boolean).join(" — "));
    this.status = status;
    this.problem = problem;
  }
}

let csrfToken = "";
let signedOut: () => void = () => undefined;

/** The token that proves a write comes from this page; the session endpoint hands it out. */
export function useCsrfToken(token: string): void {
  csrfToken = token;
}

/** Called when the server no longer knows the session. */
export function onSignedOut(callback: () => void): void {
  signedOut = callback;
}

interface CallOptions {
  body?: unknown;
  file?: File | Blob;
  filename?: string;
  version?: number;
  params?: Record<string, string>;
}

/** One call; writes carry the CSRF token and an idempotency key. Throws `ApiError`. */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  let body: BodyInit | undefined;
  if (method !== "GET") {
    headers["Idempotency-Key"] = crypto.randomUUID();
    if (csrfToken) headers["X-CSRF-Token"] = csrfToken;
  }
  if (options.version !== undefined) headers["If-Match"] = `"${options.version}"`;
  if (options.file) {
    const form = new FormData();
    form.append("file", options.file, options.filename ?? "package.zip");
    body = form;
  } else if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(options.body);
  }
  const query = options.params ? `?${new URLSearchParams(options.params)}` : "";
  let answer: Response;
  try {
    answer = await fetch(`${path}${query}`, { method, headers, body, credentials: "same-origin" });
  } catch {
    throw new ApiError(0, null, "The platform cannot be reached. Check the connection and try again.");
  }
  if (answer.status === 401 && !path.startsWith("/api/auth/")) signedOut();
  if (!answer.ok) throw new ApiError(answer.status, await problemOf(answer), answer.statusText);
  const text = await answer.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

async function problemOf(answer: Response): Promise<Problem | null> {
  try {
    return (await answer.json()) as Problem;
  } catch {
    return null;
  }
}
