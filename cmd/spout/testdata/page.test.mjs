// The parts of the page that need no browser. Run by TestPageLogic, or with: node --test testdata/

import assert from "node:assert/strict";
import test from "node:test";

import { hexDump, hexLine, parseHex } from "../page/hex.mjs";
import { closeProblem, labelProblem, sayProblem, utf8Length } from "../page/rules.mjs";

test("parseHex reads what people paste", () => {
  const cases = {
    "": [],
    "  \n ": [],
    "00": [0],
    "00 ff 7a": [0, 255, 122],
    "00ff7A": [0, 255, 122],
    "0x00ff7a": [0, 255, 122],
    "0x00, 0xFF,0x7a": [0, 255, 122],
    "00:ff:7a": [0, 255, 122],
    "\\x00\t\\xff\n7a": [0, 255, 122],
    "00-ff_7a;01": [0, 255, 122, 1],
  };
  for (const [text, bytes] of Object.entries(cases)) assert.deepEqual([...parseHex(text)], bytes, text);
});

test("parseHex says what is wrong", () => {
  const cases = {
    "zz": /“z” is not a hexadecimal digit/,
    "00 0g": /“g” is not a hexadecimal digit/,
    "f": /one digit; a byte takes two/,
    "00 fff": /3 digits; a byte takes two/,
    "0x": /no digits/,
    "🌊": /“🌊” is not a hexadecimal digit/,
  };
  for (const [text, message] of Object.entries(cases)) assert.throws(() => parseHex(text), message, text);
});

test("hexLine and parseHex are inverse", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual(parseHex(hexLine(all)), all);
  assert.equal(hexLine(all, 3), "00 01 02 …");
  assert.equal(hexLine(all.subarray(0, 3), 3), "00 01 02");
});

test("hexDump has sixteen bytes in a line", () => {
  assert.equal(hexDump(new Uint8Array()), "");
  const lines = hexDump(new TextEncoder().encode("0123456789abcdef\n~\x7f")).split("\n");
  assert.equal(lines.length, 2);
  assert.equal(lines[0], "000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef");
  assert.equal(lines[1], `000010  ${"0a 7e 7f".padEnd(47)}  ·~·`);
});

test("closeProblem knows what a browser allows", () => {
  for (const [code, reason] of [["", ""], ["1000", ""], ["3000", "x"], ["4999", "ü".repeat(61) + "x"]]) {
    assert.equal(closeProblem(code, reason), "", `${code} ${reason}`);
  }
  const cases = [
    ["", "bye", /needs a close code/],
    ["abc", "", /is a number/],
    ["-1", "", /is a number/],
    ["999", "", /not with 999/],
    ["1001", "", /not with 1001/],
    ["2999", "", /not with 2999/],
    ["5000", "", /not with 5000/],
    ["1000", "ü".repeat(62), /takes 124/],
  ];
  for (const [code, reason, message] of cases) assert.match(closeProblem(code, reason), message);
});

test("labels and texts have the server's bounds", () => {
  for (const good of ["a", "lobby", "Grace Hopper", "名前", "🌊".repeat(32), "<b>"]) assert.equal(labelProblem("It", good), "", good);
  for (const bad of ["", "x".repeat(33), "a\nb", "a\u202eb", "a\u200bb", "a\u0000"]) assert.notEqual(labelProblem("It", bad), "", JSON.stringify(bad));
  assert.equal(sayProblem("x".repeat(4096)), "");
  assert.match(sayProblem("ü".repeat(2049)), /takes 4098/);
  assert.equal(utf8Length("Köln 🌊"), 10);
});
