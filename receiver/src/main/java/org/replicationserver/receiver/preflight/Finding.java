package org.replicationserver.receiver.preflight;

/**
 * What a check has found. Immutable.
 *
 * @param text what was tested, and what of it failed
 * @param fix what to do about it, in one line; empty where there is nothing to do
 */
public record Finding(Verdict verdict, String text, String fix) {
    /** How it stands. */
    public enum Verdict {
        OK,
        /** It does for now. */
        WARN,
        /** Something that the server needs is not available. */
        FAIL,
        /** The configuration names something that cannot be used. */
        MISCONFIGURED,
        /** It does not apply here. */
        SKIP;

        /** Whether the server lacks something that it needs. */
        public boolean isFailure() {
            return this == FAIL || this == MISCONFIGURED;
        }
    }

    public static Finding ok(String text) {
        return new Finding(Verdict.OK, text, "");
    }

    public static Finding skip(String why) {
        return new Finding(Verdict.SKIP, why, "");
    }

    public static Finding warn(String text, String fix) {
        return new Finding(Verdict.WARN, text, fix);
    }

    public static Finding fail(String text, String fix) {
        return new Finding(Verdict.FAIL, text, fix);
    }

    public static Finding misconfigured(String text, String fix) {
        return new Finding(Verdict.MISCONFIGURED, text, fix);
    }
}
