// Lines keep the order of packets while fragments wait, within a bounded window.

import { expect, test } from "vitest";
import { Lines } from "../../src/explain/lines.js";

test("what comes after an open line waits for it", () => {
  const lines = new Lines();
  lines.add(1, "1 ");
  lines.add(2);
  lines.add(3, "3 ");
  lines.add(4);
  lines.add(5, "5 ");
  expect(lines.take()).toBe("1 ");
  lines.settle(4, "4 ");
  expect(lines.take()).toBe("");
  lines.settle(2, "2 ");
  expect(lines.take()).toBe("2 3 4 5 ");
  lines.add(6, "6 ");
  expect(lines.take()).toBe("6 ");
});

test("a full window lets go what is settled, and keeps the rest", () => {
  const lines = new Lines(3);
  lines.add(1);
  lines.add(2, "2 ");
  lines.add(3, "3 ");
  expect(lines.take()).toBe("");
  lines.add(4, "4 ");
  expect(lines.take()).toBe("2 3 4 ");
  lines.add(5, "5 ");
  lines.settle(1, "1 ");
  expect(lines.take()).toBe("1 5 ");
});

test("no line is lost or doubled, whatever the order of settling", () => {
  for (let seed = 1; seed <= 50; seed++) {
    let state = seed;
    const random = () => {
      state = (state * 1103515245 + 12345) & 0x7fffffff;
      return state / 0x7fffffff;
    };
    const lines = new Lines(8);
    const open: number[] = [];
    let text = "";
    for (let packet = 1; packet <= 200; packet++) {
      if (random() < 0.3) {
        lines.add(packet);
        open.push(packet);
      } else {
        lines.add(packet, `${packet} `);
      }
      if (open.length > 0 && random() < 0.25) {
        const [settled] = open.splice(Math.floor(random() * open.length), 1);
        lines.settle(settled!, `${settled} `);
      }
      text += lines.take();
    }
    for (const packet of open) lines.settle(packet, `${packet} `);
    text += lines.take();
    const printed = text.trim().split(" ").map(Number);
    expect(printed.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  }
});
