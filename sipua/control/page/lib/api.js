// Requests to the API. The token goes into a header, and nowhere else.

const WITHIN_MS = 15_000;
const LONG_MS = 130_000; // what the edge itself may take for

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `HTTP ${status}`);
    this.status = status;
    this.kind = String(body.type ?? "").replace("urn:sipua:problem:", "");
    this.title = body.title ?? "";
    this.sip = body.sip;
    this.errors = body.errors ?? [];
  }

  get words() {
    const faults = this.errors.map((one) => `${one.pointer}: ${one.detail}`);
    const sip = this.sip ? `SIP ${this.sip.status} ${this.sip.reason}` : "";
    const title = this.title === this.message ? "" : this.message;
    return [this.title, title, sip, ...faults].filter(Boolean).join(" · ");
  }
}

export function address(path) {
  // Relative to the page, so that a proxy may serve both below a path of its own.
  return new URL(path.replace(/^\//, ""), document.baseURI.split("#")[0]);
}

export class Api {
  #token;

  // `denied` is called when the token is no longer right.
  constructor(token, denied) {
    this.#token = token;
    this.denied = denied;
  }

  headers(more = {}) {
    return { Authorization: `Bearer ${this.#token}`, ...more };
  }

  // Raises Problem; TypeError when the edge cannot be reached, TimeoutError when it does not answer.
  async ask(method, path, body, more = {}) {
    const headers = this.headers(more);
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(address(path), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout(path.endsWith("/transfer") || path.endsWith("/reload") ? LONG_MS : WITHIN_MS),
    });
    if (!answer.ok) throw await this.problem(answer);
    const kind = answer.headers.get("Content-Type") ?? "";
    if (kind.startsWith("application/json")) return answer.json();
    return answer.text();
  }

  async problem(answer) {
    let told = {};
    try {
      told = await answer.json();
    } catch {
      // Of something between us and the edge: its status has to do.
    }
    const problem = new Problem(answer.status, told);
    if (problem.status === 401) this.denied(problem);
    return problem;
  }

  get(path) {
    return this.ask("GET", path);
  }

  post(path, body = {}) {
    return this.ask("POST", path, body);
  }

  // Undefined where this edge has no such resource, or this token no right to it.
  async getIfThere(path) {
    try {
      return await this.get(path);
    } catch (error) {
      if (error instanceof Problem && [403, 404].includes(error.status)) return undefined;
      throw error;
    }
  }
}

export function words(error) {
  if (error instanceof Problem) return error.words;
  if (error?.name === "TimeoutError") return "the edge does not answer";
  return "the edge cannot be reached";
}
