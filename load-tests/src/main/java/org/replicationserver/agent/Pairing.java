package org.replicationserver.agent;

import io.vertx.core.json.JsonObject;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.log.PeerText;

/**
 * The replication server that a control plane has paired a source server with. Immutable.
 *
 * @param words for people
 * @param pins of which the server must show one
 */
record Pairing(String words, ServerAddress address, Set<Pin> pins) {
    private static final Pattern HOST = Pattern.compile("[A-Za-z0-9._:%-]{1,253}");

    Pairing {
        pins = Set.copyOf(pins);
    }

    /**
     * Reads the answer to {@link AssignedServer#CONFIGURATION}.
     *
     * @throws LookupException when there is no pairing yet, or it cannot be read
     */
    static Pairing of(JsonObject answer, ControlPlaneName controlPlane, String sourceServerId) throws LookupException {
        try {
            JsonObject server = answer.getJsonObject("replicationServer");
            if (server == null) {
                throw LookupException.notYet(controlPlane + " has not paired source server " + sourceServerId
                        + " with a replication server yet");
            }
            ServerAddress address = new ServerAddress(host(server.getString("address")), server.getInteger("port"));
            return new Pairing(
                    PeerText.value(server.getString("replicationServerId")) + " at " + address.host(),
                    address,
                    pins(server.getJsonObject("pins")));
        } catch (ClassCastException | NullPointerException | IllegalArgumentException e) {
            throw LookupException.failed(
                    "the answer of " + controlPlane + " to " + AssignedServer.CONFIGURATION + " cannot be read: "
                            + PeerText.line(String.valueOf(e)),
                    e);
        }
    }

    /** Without a check no address at all would be this machine's. */
    private static String host(String text) {
        Objects.requireNonNull(text, "address is missing");
        if (!HOST.matcher(text).matches()) {
            throw new IllegalArgumentException(
                    "address " + PeerText.value(text) + ", allowed is the name or the address of a host");
        }
        return text;
    }

    private static Set<Pin> pins(JsonObject pins) {
        Set<Pin> accepted = new HashSet<>(Set.of(Pin.parse(pins.getString("current"))));
        if (pins.getString("next") != null) {
            accepted.add(Pin.parse(pins.getString("next")));
        }
        return accepted;
    }
}
