/** Words that must not be kept: what looks like a secret is refused, or replaced, before it is posted, stored or logged. */

/** Marks of well-known secrets. Sources: each vendor's documentation of its token prefixes. */
const marks: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY/,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/,
  /\bgh[pousr]_[A-Za-z0-9]{20,}/,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/,
  /\bglpat-[A-Za-z0-9_-]{16,}/,
  /\bxox[abeoprs]-[A-Za-z0-9-]{8,}/,
  /\bxapp-[A-Za-z0-9-]{8,}/,
  /\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,}/,
  /\bsk-[A-Za-z0-9_-]{20,}/,
  /\bAIza[A-Za-z0-9_-]{30,}/,
  /\bnpm_[A-Za-z0-9]{30,}/,
  /\bqd(?:h|o)_[A-Za-z0-9_-]{10,}/,
  /\/sign-in\?token=[A-Za-z0-9_-]{10,}/,
  /\bqd_hook_[A-Za-z0-9_-]{10,}/,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\./,
  /\bbearer\s+[A-Za-z0-9._~+/-]{12,}/i,
  /:\/\/[^\s/:@]+:[^\s/@]+@/,
  /\b(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|private[_-]?key|credentials?)["']?\s*(?:[:=]|\bis\b)\s*["']?[^\s"']{6,}/i,
];

const wordCharsMin = 24;
/** Bits per character past which a long word with capitals, small letters and digits is hardly a word. */
const entropyBitsMin = 3.7;

/** Whether it holds a secret of a known form; `holdsSecret` takes long random words for one too. */
export const holdsKnownSecret = (text: string): boolean => marks.some((mark) => mark.test(text));

export function holdsSecret(text: string): boolean {
  return holdsKnownSecret(text) || text.split(/[\s,;"'()<>]+/).some(isRandom);
}

function isRandom(word: string): boolean {
  if (word.length < wordCharsMin || /^https?:\/\//.test(word) || !/^[A-Za-z0-9+/=_.-]+$/.test(word))
    return false;
  if (!/[a-z]/.test(word) || !/[A-Z]/.test(word) || !/[0-9]/.test(word)) return false;
  const counts = new Map<string, number>();
  for (const char of word) counts.set(char, (counts.get(char) ?? 0) + 1);
  const bits = [...counts.values()].reduce((sum, count) => {
    const share = count / word.length;
    return sum - share * Math.log2(share);
  }, 0);
  return bits >= entropyBitsMin;
}
