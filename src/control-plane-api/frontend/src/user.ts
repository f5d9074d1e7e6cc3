/** Who is signed in, and what that person may do. */
import { computed, signal } from "@preact/signals";
import { call, onSignedOut, useCsrfToken } from "./api/client";
import type { User } from "./api/types";
import { sseClient } from "./live/stream";

interface SessionAnswer {
  authenticated: boolean;
  user: User | null;
  csrf_token: string;
}

export type SignIn = "unknown" | "out" | "in";

export const user = signal<User | null>(null);
export const signIn = signal<SignIn>("unknown");

const has = (role: string) => computed(() => user.value?.roles.includes(role) ?? false);
export const isAdmin = has("admin");
export const isManager = computed(() => isAdmin.value || (user.value?.roles.includes("manager") ?? false));
export const isAuthor = computed(() => isAdmin.value || (user.value?.roles.includes("lab-author") ?? false));

/** Ask the server who this is; opens the stream when somebody is signed in. */
export async function loadUser(): Promise<void> {
  try {
    const answer = await call<SessionAnswer>("GET", "/api/auth/session");
    useCsrfToken(answer.csrf_token ?? "");
    user.value = answer.user ?? null;
    signIn.value = answer.authenticated ? "in" : "out";
  } catch {
    signIn.value = "out";
  }
  if (signIn.value === "in") sseClient.start();
}

/** Leave the page for the sign-in page of the identity provider, and come back here. */
export function goToSignIn(): void {
  const here = `${location.pathname}${location.search}`;
  location.assign(`/api/auth/login?next=${encodeURIComponent(here)}`);
}

export async function signOut(): Promise<void> {
  sseClient.stop();
  const answer = await call<{ logout_url?: string } | undefined>("POST", "/api/auth/logout");
  location.assign(answer?.logout_url || "/");
}

function forget(): void {
  sseClient.stop();
  user.value = null;
  signIn.value = "out";
}

/**
 * A refused stream may mean that the session has ended. A server that comes back may have forgotten its sessions: the
 * identity provider, which has not, brings the user back to this page without a question.
 */
async function checkSession(afterLoss: boolean): Promise<void> {
  try {
    const answer = await call<SessionAnswer>("GET", "/api/auth/session");
    if (answer.authenticated) return;
    if (afterLoss) goToSignIn();
    else forget();
  } catch {
    return; // The server is not there to ask; the stream tries again.
  }
}

onSignedOut(forget);
sseClient.onRefused((afterLoss) => void checkSession(afterLoss));
sseClient.on("auth.session.expired", forget);
