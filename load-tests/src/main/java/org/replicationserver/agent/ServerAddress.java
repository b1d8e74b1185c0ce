package org.replicationserver.agent;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Host name or address, and port of a server. Immutable. */
public record ServerAddress(String host, int port) {
    public static final int PORT_DEFAULT = 1500;

    private static final int PORT_MAX = 65535;
    private static final Pattern BRACKETED = Pattern.compile("\\[([0-9A-Fa-f:.%a-z]+)](?::([0-9]{1,5}))?");
    private static final Pattern PLAIN = Pattern.compile("([A-Za-z0-9._-]+)(?::([0-9]{1,5}))?");

    public ServerAddress {
        if (port < 1 || port > PORT_MAX) {
            throw new IllegalArgumentException("port " + port + ", allowed are 1 to " + PORT_MAX);
        }
    }

    /** Reads {@code HOST}, {@code HOST:PORT}, {@code [IPV6]} or {@code [IPV6]:PORT}. */
    public static ServerAddress parse(String text) {
        for (Pattern form : new Pattern[] {BRACKETED, PLAIN}) {
            Matcher matcher = form.matcher(text);
            if (matcher.matches()) {
                String port = matcher.group(2);
                return new ServerAddress(matcher.group(1), port == null ? PORT_DEFAULT : Integer.parseInt(port));
            }
        }
        throw new IllegalArgumentException("allowed are HOST, HOST:PORT, [IPV6] and [IPV6]:PORT");
    }

    @Override
    public String toString() {
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }
}
