// The token: of this tab, until it is closed or its reader signs out.

import { Api } from "../lib/api.js";

const KEY = "sipua.token";
const RANKS = ["readonly", "operator", "admin"];

export class Session {
  // Raises Problem, TypeError, TimeoutError.
  static async open(token, denied) {
    const api = new Api(token, denied);
    const shown = await api.get("/v1/token");
    sessionStorage.setItem(KEY, token);
    return new Session(api, shown);
  }

  static remembered() {
    return sessionStorage.getItem(KEY) ?? "";
  }

  static forget() {
    sessionStorage.removeItem(KEY);
  }

  constructor(api, shown) {
    this.api = api;
    this.name = shown.name;
    this.right = shown.right;
    this.place = shown.place;
  }

  may(right) {
    return RANKS.indexOf(this.right) >= RANKS.indexOf(right);
  }
}
