package org.replicationserver.receiver.control;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Pin;

/**
 * Whose a source server id, a volume or a pin is: what two associations share neither could use, so the one that comes second is not
 * taken. Confined to one thread.
 */
final class Ownership {
    private final Map<String, Association> bySource = new HashMap<>();
    private final Map<Object, String> owners = new HashMap<>();

    /** Takes an association, or says why it cannot be taken. */
    @Nullable
    String take(Association association) {
        String id = association.sourceServerId();
        if (bySource.containsKey(id)) {
            return "source server " + id + " is there twice";
        }
        if (bySource.size() >= WireForms.ASSOCIATIONS_MAX) {
            return "one source server too many; allowed: " + WireForms.ASSOCIATIONS_MAX;
        }
        List<Object> things = new ArrayList<>(association.agentPins());
        association.disks().forEach(disk -> things.add(disk.volumeId()));
        for (Object thing : things) {
            String owner = owners.get(thing);
            if (owner != null) {
                return (thing instanceof Pin ? "pin " : "volume ") + thing + " belongs to source server " + owner;
            }
        }
        bySource.put(id, association);
        things.forEach(thing -> owners.put(thing, id));
        return null;
    }
}
