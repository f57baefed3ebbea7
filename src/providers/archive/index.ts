/** Archives of the audit by where they are: a folder written once, or a bucket with Object Lock. */
import type { Archive } from "../../platform/audit/archive.ts";

/** The settings of these names. */
interface ArchiveSettings {
  AUDIT_ARCHIVE?: string | undefined;
  AUDIT_ARCHIVE_S3_ENDPOINT?: string | undefined;
  AUDIT_ARCHIVE_S3_REGION: string;
}

/** The archive that is set, or `place` where one is given; undefined where none is. */
export async function openArchive(
  settings: ArchiveSettings,
  place: string | undefined = settings.AUDIT_ARCHIVE,
): Promise<Archive | undefined> {
  if (place === undefined) return undefined;
  if (place.startsWith("s3:")) {
    const { createS3Archive, s3PlaceOf } = await import("./s3.ts");
    return createS3Archive(s3PlaceOf(place), {
      region: settings.AUDIT_ARCHIVE_S3_REGION,
      endpoint: settings.AUDIT_ARCHIVE_S3_ENDPOINT,
    });
  }
  const { createDirectoryArchive } = await import("./directory.ts");
  return createDirectoryArchive(place);
}
