package org.replicationserver.receiver.preflight;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a server that runs with this configuration says of itself; nothing that may be its own is opened beside it. Immutable.
 *
 * @param port on which agents are to find it; 0 if it is not to be looked for
 * @param volumes of each volume that is assigned, why it is not open; the value is null where it is
 */
public record RunningServer(int port, Map<String, @Nullable String> volumes) {
    public RunningServer {
        volumes = new LinkedHashMap<>(volumes);
    }
}
