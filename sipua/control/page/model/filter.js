// The filter of calls: words that must all be there, and `column>figure`, `column:text`.

const COMPARED = /^([a-z_]+)([<>:])(.+)$/;

// A function of a row. `columns`: by key, each with `text(row)` and, when it has a figure, `value(row)`.
export function parsed(text, columns, haystack) {
  const tests = text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => one(word, columns, haystack));
  return (row) => tests.every((test) => test(row));
}

function one(word, columns, haystack) {
  const [, key, sign, wanted] = COMPARED.exec(word) ?? [];
  const column = columns[key];
  if (!column) return (row) => haystack(row).includes(word);
  if (sign === ":") return (row) => column.text(row).toLowerCase().includes(wanted);
  const figure = Number(wanted);
  if (Number.isNaN(figure)) return () => true; // it is being typed
  return (row) => {
    const value = column.value(row);
    if (!Number.isFinite(value)) return false;
    return sign === ">" ? value > figure : value < figure;
  };
}
