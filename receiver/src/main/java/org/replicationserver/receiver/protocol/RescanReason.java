package org.replicationserver.receiver.protocol;

/** Reasons of RESCAN in WELCOME, in words for people. */
public final class RescanReason {
    private RescanReason() {}

    /** A reason that is not known stays as it is. */
    public static String inWords(String reason) {
        return switch (reason) {
            case "NEW_VOLUME" -> "nothing was written to it yet";
            case "STATE_LOST" -> "the server has lost its record of the volume";
            case "VOLUME_REOPENED" -> "the volume was reopened";
            case "VOLUME_REPLACED" -> "another file or device is in the place of the volume";
            case "RESCAN_REQUESTED" -> "it was asked for";
            case "AGENT_REMEMBERS_NOTHING" -> "the agent was started anew and remembers nothing";
            case "DATA_GENERATION_DIFFERS" -> "the agent knows another content of the volume";
            case "EPOCH_BEHIND" -> "the server knows of fewer commits than the agent";
            case "AGENT_BEHIND" -> "another session may have written";
            default -> reason;
        };
    }
}
