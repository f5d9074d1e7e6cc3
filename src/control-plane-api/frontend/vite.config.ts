import { loadEnv } from "vite";
import { defineConfig } from "vitest/config";

// The control plane serves what is built here; in development Vite serves the page and passes API calls on.
const api = loadEnv("", ".", "LCM_").LCM_API ?? "http://127.0.0.1:8000";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../control_plane_api/ui/static",
    emptyOutDir: true,
    target: "es2022",
    // The console's content security policy forbids inline scripts and styles from data URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { port: 5173, proxy: { "/api": { target: api } } },
  test: { include: ["src/**/*.test.ts"] },
});
