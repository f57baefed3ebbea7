/** Page of the console with what the audit says of a thing: `R-12`, `T-3`, a resource's name. */
export const auditUrl = (publicUrl: string, subject: string): string =>
  `${publicUrl}/audit?subject=${encodeURIComponent(subject)}`;
