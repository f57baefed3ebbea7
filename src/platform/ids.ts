/** Ids are branded, so that a grant cannot be rolled back. */
export type Id<Kind extends string> = string & { readonly kind: Kind };

/** The letter in front of every id people read and type. */
export const kindByLetter = {
  T: "ticket",
  R: "rollout",
  G: "grant",
  C: "change",
  I: "incident",
  F: "freeze",
  D: "deploy",
} as const;

export type IdLetter = keyof typeof kindByLetter;
export type IdKind = (typeof kindByLetter)[IdLetter];
export type KindOf<Letter extends IdLetter> = (typeof kindByLetter)[Letter];

export const letterByKind: { readonly [Kind in IdKind]: IdLetter } = {
  ticket: "T",
  rollout: "R",
  grant: "G",
  change: "C",
  incident: "I",
  freeze: "F",
  deploy: "D",
};

/** Highest number an id may carry: what a Postgres `integer` holds. */
export const idNumberMax = 2_147_483_647;

/** An id as read: `id` is the one text form, `R-12`. */
export type ParsedId = {
  [Letter in IdLetter]: { letter: Letter; kind: KindOf<Letter>; number: number; id: Id<KindOf<Letter>> };
}[IdLetter];

/** `publicId("rollout", 12)` is `R-12`. Throws a RangeError when the number is not an integer in 1..{@link idNumberMax}. */
export function publicId<Kind extends IdKind>(kind: Kind, number: number): Id<Kind> {
  if (!Number.isInteger(number) || number < 1 || number > idNumberMax) {
    throw new RangeError(
      `The number of a ${kind} must be an integer from 1 to ${idNumberMax}, not ${number}`,
    );
  }
  return `${letterByKind[kind]}-${number}` as Id<Kind>;
}

/** Reads `R-12`, `R12`, `r-12`; undefined for anything else, leading zeros included. */
export function parseId(text: string): ParsedId | undefined {
  const match = /^([TRGCIFDtrgcifd])-?([1-9][0-9]{0,9})$/.exec(text);
  if (match === null) return undefined;
  const letter = (match[1] ?? "").toUpperCase() as IdLetter;
  const number = Number(match[2]);
  if (number > idNumberMax) return undefined;
  const kind = kindByLetter[letter];
  return { letter, kind, number, id: publicId(kind, number) } as ParsedId;
}

/** Reads an id of one kind; undefined when it is no id or one of another kind. */
export function parseIdOf<Kind extends IdKind>(kind: Kind, text: string): Id<Kind> | undefined {
  const parsed = parseId(text);
  return parsed !== undefined && parsed.kind === kind ? (parsed.id as string as Id<Kind>) : undefined;
}

/** The number in an id made by {@link publicId}. */
export function numberOf(id: Id<IdKind>): number {
  return Number(id.slice(2));
}
