import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { descriptionOf, isNote, noteDoc, summaryOf } from "../../../src/providers/ticketing/adf.ts";
import {
  carries,
  carriesNote,
  noteBody,
  ourPart,
  titleText,
  withOurPart,
} from "../../../src/providers/ticketing/markdown.ts";

const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "/close",
        "@dana",
        "#12",
        "!3",
        "~bug",
        "%v1",
        "<!-- quarterdeck T-1 -->",
        "<!-- /quarterdeck -->",
        "<script>",
        "```",
        "\u202e",
        "\u0000",
        "\ud800",
        "https://x.test/@a#1",
        "\n",
        "\r\n",
        "  ",
        "1. ",
        "- ",
        "🦊",
        "$x$",
      ),
      fc.string({ unit: "binary" }),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(""));
const contentOf = (title: string, body: string) => ({ title, body, owner: "o", severity: "s" });

describe("text from outside, as Markdown", () => {
  it("mentions nobody, refers to nothing, runs and hides nothing, and stays within its limit", () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 200, max: 900 }), (text, max) => {
        const part = ourPart(contentOf("", text), "T-12", max);
        expect(part.length).toBeLessThanOrEqual(max);
        expect(part.isWellFormed()).toBe(true);
        expect(part.match(/(?<!\\)<!--/g)).toHaveLength(2);
        expect(carries(part, "T-12") && !carries(part, "T-1")).toBe(true);
        const words = part.replaceAll(/<https?:[^>]*>/g, "").replaceAll(/<!-- .*? -->/g, "");
        expect(words).not.toMatch(/[@#!%^]\w/);
        expect(words).not.toMatch(/^\s*\//m);
        expect(words).not.toMatch(/(?<!\\)(\\\\)*[<`]/);
      }),
      { numRuns: 300 },
    );
  });

  it("is found again and replaced, whatever stands around it", () => {
    fc.assert(
      fc.property(fc.string(), hostile, hostile, fc.string(), (before, one, other, after) => {
        const body = `${before.replaceAll("<!--", "")}${ourPart(contentOf("", one), "T-12", 2_000)}${after}`;
        const next = withOurPart(body, contentOf("", other), "T-12", 20_000) ?? body;
        expect(next.startsWith(before.replaceAll("<!--", ""))).toBe(true);
        expect(next.endsWith(after)).toBe(true);
        expect(withOurPart(next, contentOf("", other), "T-12", 20_000)).toBeUndefined();
      }),
      { numRuns: 100 },
    );
    expect(withOurPart("somebody took our part out", contentOf("", "x"), "T-12", 2_000)).toBeUndefined();
  });

  it("is found as a note by its mark alone", () => {
    const note = { text: "x".repeat(2_000), mark: "T-1/2", since: new Date(0) };
    const body = noteBody(note, 500);
    expect(body.length).toBeLessThanOrEqual(500);
    expect(carriesNote(body, "T-1/2")).toBe(true);
    expect(carriesNote(body, "T-1/22") || carriesNote(null, "T-1/2")).toBe(false);
  });

  it("makes a title of one line, cut by whole characters", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const title = titleText(text, 30);
        expect(title.length).toBeGreaterThan(0);
        expect(title.length).toBeLessThanOrEqual(30);
        expect(title.isWellFormed()).toBe(true);
        expect(title).not.toMatch(/[\n\r]/);
      }),
    );
  });
});

describe("text from outside, for Jira", () => {
  it("is a document without an empty text node, and a summary of one line", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const doc = descriptionOf(contentOf(text, text), "T-12");
        for (const paragraph of doc.content) {
          expect(paragraph.content.length).toBeGreaterThan(0);
          for (const node of paragraph.content) expect(node.text.length).toBeGreaterThan(0);
        }
        expect(JSON.stringify(doc).isWellFormed()).toBe(true);
        const summary = summaryOf(text.repeat(10));
        expect(summary.length).toBeLessThanOrEqual(255);
        expect(summary).not.toMatch(/[\n\r\u2028\u2029]/);
        expect(isNote(noteDoc({ text, mark: "T-1/2", since: new Date(0) }), "T-1/2")).toBe(true);
      }),
      { numRuns: 200 },
    );
    expect(isNote(undefined, "T-1/2")).toBe(false);
  });
});
