package org.replicationserver.volume;

/** What an image file said of itself when it was opened, before it was marked as its volume's. */
public enum Mark {
    /** A server has had it as this volume. */
    PRESENT,

    /** It could be marked and was not: no server has had it. */
    ABSENT,

    /** Nobody knows: a block device, or a file system that keeps no marks or does not show them. */
    NOT_KEPT
}
