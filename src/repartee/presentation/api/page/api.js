// Requests to the service this page comes from, and what went wrong with them in one readable line.

import { eventsOf } from "./events.js";
import { askForKey } from "./key.js";
import { heardTime } from "./sitting.js";
import { savedKey } from "./vault.js";
import { t } from "./words.js";

export class Failure extends Error {
  constructor(detail, requestId = "", status = 0) {
    super(detail);
    this.requestId = requestId;
    this.status = status;
  }

  static of(problem) {
    return new Failure(problem.detail || problem.title || t("failed"), problem.request_id, problem.status);
  }

  get line() {
    return this.requestId ? `${this.message} · ${t("request")} ${this.requestId}` : this.message;
  }
}

export const lineOf = (error) => (error instanceof Failure ? error.line : String(error?.message ?? error));

export async function call(method, path, { body, query, signal } = {}) {
  const response = await answered(method, path, { body, query, signal });
  return response.status === 204 ? null : response.json();
}

export async function* replyEvents(request, signal) {
  const response = await answered("POST", "generate", { body: { ...request, stream: true }, signal });
  const requestId = response.headers.get("x-request-id") ?? "";
  try {
    for await (const { name, data } of eventsOf(response.body)) {
      if (name === "error") throw Failure.of(data);
      yield { name, data };
      if (name === "done") return;
    }
  } catch (error) {
    if (error instanceof Failure || signal.aborted) throw error;
  }
  throw new Failure(t("connection_lost"), requestId);
}

export const factsPath = (userId, rest = "") => `users/${encodeURIComponent(userId)}/facts${rest}`;

async function answered(method, path, options) {
  for (let keyWasWrong = false; ; keyWasWrong = true) {
    const key = savedKey();
    const response = await fetched(method, path, options, key);
    if (response.ok) return response;
    const failure = await failureOf(response);
    if (response.status === 401 && savedKey() !== key) continue;
    if (response.status !== 401 || !(await askForKey(Boolean(key) || keyWasWrong))) throw failure;
  }
}

async function fetched(method, path, { body, query, signal }, key) {
  const url = new URL(path, document.baseURI.split("#")[0]);
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
  const requestId = [...crypto.getRandomValues(new Uint8Array(8))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  const headers = { accept: "application/json, text/event-stream", "x-request-id": requestId };
  const isFile = body instanceof Blob;
  if (body) headers["content-type"] = isFile ? "application/octet-stream" : "application/json";
  if (key) headers.authorization = `Bearer ${key}`;
  try {
    const content = body && !isFile ? JSON.stringify(body) : body;
    const response = await fetch(url, { method, headers, body: content, signal, credentials: "omit" });
    heardTime(response.headers.get("date"));
    return response;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failure(t("unreachable"), requestId);
  }
}

async function failureOf(response) {
  const requestId = response.headers.get("x-request-id") ?? "";
  const problem = await response.json().catch(() => ({}));
  return Failure.of({ request_id: requestId, status: response.status, title: response.statusText, ...problem });
}
