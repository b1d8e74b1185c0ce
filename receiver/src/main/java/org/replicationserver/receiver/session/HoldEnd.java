package org.replicationserver.receiver.session;

/** What a hold was worth, told when it is released. */
public enum HoldEnd {
    /** From HELD until now the volumes were the source's disks at the commit, and nothing was written to them. */
    VALID,
    /** The hold had ended before, or a volume was not left alone: what was made of the volumes is of no use. */
    EXPIRED
}
