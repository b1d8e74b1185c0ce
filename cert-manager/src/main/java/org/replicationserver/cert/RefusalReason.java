package org.replicationserver.cert;

/** Why a peer was refused in the handshake; one counter each. */
public enum RefusalReason {
    CHAIN_TOO_LONG,
    NOT_PINNED,
    WEAK_KEY,
    NOT_YET_VALID,
    EXPIRED
}
