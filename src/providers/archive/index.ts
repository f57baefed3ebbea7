/** Archives of the audit by where they are: a folder written once, or a bucket with Object Lock. */
import type { Settings } from "../../config/config.ts";
import type { Archive } from "../../platform/audit/archive.ts";

type ArchiveSettings = Pick<
  Settings,
  "AUDIT_ARCHIVE" | "AUDIT_ARCHIVE_S3_ENDPOINT" | "AUDIT_ARCHIVE_S3_REGION"
>;

/** The archive that is set, or `place` where one is given; undefined where none is. */
export async function openArchive(
  settings: ArchiveSettings,
  place: string | undefined = settings.AUDIT_ARCHIVE,
): Promise<Archive | undefined> {
  if (place === undefined) return undefined;
  const { createDirectoryArchive } = await import("./directory.ts");
  return createDirectoryArchive(place);
}
