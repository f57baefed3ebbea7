/** JSON as it came: integers that a number cannot hold are kept as text. Pure. */

/** Digits from which an integer may be past 2^53. */
const digitsMin = 16;
const mayHoldLongInteger = new RegExp(`[:,[\\s]-?\\d{${digitsMin}}`);

/** Reads JSON; an integer past 2^53 becomes a string of its digits. Throws a SyntaxError. */
export function parseExactJson(text: string): unknown {
  return JSON.parse(mayHoldLongInteger.test(text) ? quoteLongIntegers(text) : text);
}

function quoteLongIntegers(text: string): string {
  const parts: string[] = [];
  let copied = 0;
  let at = 0;
  while (at < text.length) {
    const char = text[at] as string;
    if (char === '"') {
      at = endOfString(text, at);
      continue;
    }
    if (char !== "-" && !isDigit(char)) {
      at += 1;
      continue;
    }
    const start = at;
    at += 1;
    while (at < text.length && /[0-9.eE+-]/.test(text[at] as string)) at += 1;
    const number = text.slice(start, at);
    if (/^-?[1-9][0-9]*$/.test(number) && !Number.isSafeInteger(Number(number))) {
      parts.push(text.slice(copied, start), `"${number}"`);
      copied = at;
    }
  }
  return parts.length === 0 ? text : parts.join("") + text.slice(copied);
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

const isDigit = (char: string): boolean => char >= "0" && char <= "9";
