package org.replicationserver.receiver.software;

/** The steps of a fetch, in their order. */
public enum FetchStep {
    /** The hash, and the signature if one is asked for, are fetched and checked. */
    HASH,
    /** The object is fetched, or the rest of it. */
    DOWNLOAD,
    /** The object is on the disk, whole. */
    DOWNLOADED,
    /** The file is in a directory of its own, which is not in its place yet. */
    PLACED,
    /** The file has been read again from the disk, and is what the hash is of. */
    VERIFIED,
    /** The directory is in its place, and not trusted yet. */
    INSTALLED,
    /** What is trusted, and used from now on, is on the disk: what comes after is done by the next start, if not by this one. */
    TRUSTED,
    /** The link leads to the new version. */
    CURRENT,
    /** What is no longer needed is gone. */
    DONE
}
