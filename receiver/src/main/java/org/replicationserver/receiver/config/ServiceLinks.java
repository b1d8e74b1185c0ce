package org.replicationserver.receiver.config;

import java.util.regex.Pattern;

/**
 * What Kubernetes puts into the environment of every container for a Service named {@code replication-server}, under the prefix
 * that is ours too:
 *
 * <pre>
 * REPLICATION_SERVER_SERVICE_HOST=10.0.0.1
 * REPLICATION_SERVER_SERVICE_PORT=1500              and _SERVICE_PORT_&lt;NAME&gt; for a port with a name
 * REPLICATION_SERVER_PORT=tcp://10.0.0.1:1500
 * REPLICATION_SERVER_PORT_1500_TCP=tcp://...        and _PROTO, _PORT, _ADDR after it
 * </pre>
 */
final class ServiceLinks {
    private static final String PORT = "PORT";
    private static final Pattern OTHER_NAMES =
            Pattern.compile("SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?");
    private static final Pattern URL = Pattern.compile("(tcp|udp|sctp)://.+");

    private ServiceLinks() {}

    /** A PORT that is no URL is none of them: somebody means listen.port. */
    static boolean contain(String variable, String value) {
        String name = variable.substring(ConfigKey.ENVIRONMENT_PREFIX.length());
        return name.equals(PORT)
                ? URL.matcher(value).matches()
                : OTHER_NAMES.matcher(name).matches();
    }
}
