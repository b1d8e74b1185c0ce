package org.replicationserver.agent;

/** Why a disk is left out of sessions while the others go on. */
enum LeftOut {
    VOLUME_FAILED("its volume takes no writes"),
    NOT_ASSIGNED("the server refuses it"),
    /** Its volume is assigned for a disk of another size. */
    OTHER_SIZE("the server refuses it"),
    /** It is not there, or no disk that can be replicated; a look finds out whether that is still so. */
    NOT_READABLE("it cannot be read"),
    /** Nothing is known of it; another look finds out whether it answers. */
    SILENT("it does not answer"),
    /** A read failed; only another one tells whether the next does too. */
    READ_FAILED("it cannot be read");

    final String words;

    LeftOut(String words) {
        this.words = words;
    }
}
