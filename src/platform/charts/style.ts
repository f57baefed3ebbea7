/** Colours, dashes and words that all charts share. */

export const font = "Quarterdeck Sans";
/** Its own ground, neither white nor black, so that a chat's theme does not matter. Contrasts are 4.5 and more. */
export const ink = {
  ground: "#1c2230",
  text: "#e9edf5",
  faint: "#a9b3c6",
  grid: "#323b4f",
  gap: "#272f40",
  limit: "#ff7b7b",
} as const;
export const looks = {
  canary: [{ color: "#ffb454", width: 3.5, dash: [] }],
  stable: [{ color: "#7cb7ff", width: 2.5, dash: [8, 4] }],
  other: [
    { color: "#8fe3b0", width: 2.5, dash: [2, 3] },
    { color: "#d7a8ff", width: 2.5, dash: [10, 3, 2, 3] },
    { color: "#f2f2a0", width: 2.5, dash: [5, 5] },
    { color: "#ff9ec7", width: 2.5, dash: [1, 5] },
  ],
} as const;
export const markerColors = { step: "#8fa3c8", deploy: "#c8a3ff", event: "#ffd3a3" } as const;

export function withUnit(value: number, unit: string): string {
  const text = value.toLocaleString("en-US", { maximumSignificantDigits: 3, useGrouping: false });
  return unit === "" ? text : `${text} ${unit}`;
}

export function cut(text: string, charsMax: number): string {
  const chars = [...text];
  return chars.length > charsMax ? `${chars.slice(0, charsMax - 1).join("")}…` : text;
}
