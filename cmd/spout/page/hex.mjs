// Bytes as hexadecimal text, both ways.

// parseHex reads bytes from text such as "00 ff", "0x00,0xff" or "00:ff". It throws an Error whose message says what is wrong.
export function parseHex(text) {
  const bytes = [];
  for (const word of text.split(/[\s,:;_-]+/)) {
    const digits = word.replace(/^(0x|\\x)/i, "");
    if (digits === "") {
      if (word !== "") throw new Error(`“${word}” has no digits after it.`);
      continue;
    }
    const wrong = [...digits].find((c) => !/[0-9a-f]/i.test(c));
    if (wrong !== undefined) throw new Error(`“${wrong}” is not a hexadecimal digit (0-9, a-f).`);
    if (digits.length % 2 === 1) {
      throw new Error(`“${shorten(word)}” has ${digits.length === 1 ? "one digit" : `${digits.length} digits`}; a byte takes two.`);
    }
    for (let i = 0; i < digits.length; i += 2) bytes.push(parseInt(digits.slice(i, i + 2), 16));
  }
  return new Uint8Array(bytes);
}

// hexLine writes bytes as "00 ff 7a", at most max of them.
export function hexLine(bytes, max = Infinity) {
  const shown = Array.from(bytes.subarray(0, max), byte).join(" ");
  return bytes.length > max ? shown + " …" : shown;
}

// hexDump writes bytes as lines of sixteen: offset, bytes, and the characters that are printable ASCII.
export function hexDump(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = bytes.subarray(at, at + 16);
    const characters = Array.from(part, (b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : "·")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hexLine(part).padEnd(47)}  ${characters}`);
  }
  return lines.join("\n");
}

function byte(b) {
  return b.toString(16).padStart(2, "0");
}

function shorten(word) {
  return word.length > 16 ? word.slice(0, 16) + "…" : word;
}
