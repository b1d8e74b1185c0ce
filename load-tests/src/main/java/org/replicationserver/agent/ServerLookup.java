package org.replicationserver.agent;

import java.io.IOException;
import java.net.InetAddress;
import java.util.List;
import java.util.Set;
import org.replicationserver.cert.Pin;

/** Finds the replication server before each session. One thread, which may block. */
public interface ServerLookup {
    /**
     * Where the server is now.
     *
     * @param name for people
     * @param addresses at least one
     * @param pins of which it must show one
     */
    record Found(String name, List<InetAddress> addresses, int port, Set<Pin> pins) {
        public Found {
            addresses = List.copyOf(addresses);
            pins = Set.copyOf(pins);
        }
    }

    /** Says once, before the first look, whose server is looked for; nothing is registered. */
    default void lookFor(String sourceServerId) {}

    /** Says once, before the first look, who looks. */
    default void introduce(ReplicationPlan plan) {}

    /**
     * Finds the server as it is now.
     *
     * @throws IOException with a sentence for people when it is not known
     */
    Found find() throws IOException;

    /** What another look may find different, so that a refusal is not the end. */
    enum Change {
        NOTHING,
        PINS,
        /** Another server, which may know this agent. */
        SERVER
    }

    Change mayChange();
}
