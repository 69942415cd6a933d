// The keyboard: one table of what the keys do now, which the help shows as well.

const TYPED_IN = new Set(["INPUT", "TEXTAREA", "SELECT"]);

export class Keys {
  #layers = [];

  constructor() {
    document.addEventListener("keydown", (event) => this.#pressed(event));
  }

  // Rows of { keys: ["j", "ArrowDown"], label, run }. The returned function takes them away.
  add(rows) {
    this.#layers.push(rows);
    return () => {
      this.#layers = this.#layers.filter((one) => one !== rows);
    };
  }

  get rows() {
    return this.#layers.flat();
  }

  #pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    const typing = TYPED_IN.has(event.target.tagName);
    if (typing && event.key !== "Escape") return;
    // A button that has the focus takes Enter and the space bar itself.
    if (event.target.closest?.("button, a, summary, [role=button]") && [" ", "Enter"].includes(event.key)) {
      return;
    }
    for (const layer of [...this.#layers].reverse()) {
      const row = layer.find((one) => one.keys.includes(event.key));
      if (!row) continue;
      event.preventDefault();
      if (typing) event.target.blur();
      row.run();
      return;
    }
  }
}
