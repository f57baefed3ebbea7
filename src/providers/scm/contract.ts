/** Hosts of Git repositories. What is asked of them: to propose that a commit is taken back. */
export interface RevertAsk {
  /** `acme/shop`; groups of GitLab may nest. */
  readonly repository: string;
  /** Commit to take back, forty digits. */
  readonly revision: string;
  /** Branch of ours; the same for the same revert, so that a repeat finds what there is. */
  readonly branch: string;
  readonly title: string;
  /** Markdown. */
  readonly body: string;
}

export interface Proposal {
  /** Of the pull or merge request, for people. */
  readonly url: string;
}

export interface CommitAsk {
  /** As of `RevertAsk`. */
  readonly repository: string;
  /** Commit from which on it is looked backwards, forty digits. */
  readonly revision: string;
  /** Folder or file in the repository. */
  readonly path: string;
}

/** Every method throws ProviderError. */
export interface Scm {
  /** The newest commit up to one that touches the path; undefined when none does. */
  newestCommit(ask: CommitAsk): Promise<string | undefined>;

  /**
   * Opens a pull or merge request that undoes the commit on the default branch, and nothing else. One that is there
   * already for the branch is answered instead. `rejected` when what the commit changed was changed since: then a
   * person must look.
   */
  proposeRevert(ask: RevertAsk): Promise<Proposal>;
}

/** `{ host, path }` of a repository's address; undefined for one that is no address of a host. */
export function repositoryAt(address: string): { host: string; path: string } | undefined {
  const match =
    /^(?:https?|ssh|git):\/\/(?:[^@/\s]+@)?([^/:\s]+)(?::\d+)?\/(.+?)(?:\.git)?\/?$/.exec(address) ??
    /^(?:[^@/\s]+@)([^/:\s]+):(.+?)(?:\.git)?\/?$/.exec(address);
  const [, host, path] = match ?? [];
  if (host === undefined || path === undefined) return undefined;
  const parts = path.split("/");
  if (parts.length < 2 || !parts.every((part) => /^[\w.-]+$/.test(part) && !/^\.+$/.test(part)))
    return undefined;
  return { host: host.toLowerCase(), path };
}
