package org.replicationserver.receiver.control;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Whose a volume, a path or a pin is: what two source servers share neither could use, or one would overwrite the other, so the one that
 * comes second is not taken. Confined to one thread.
 */
public final class Ownership {
    private final Set<String> sources = new HashSet<>();
    private final Map<String, String> owners = new HashMap<>();

    /**
     * Takes what a source server has, or says why it cannot be taken.
     *
     * @param things in words, "volume vol-1"
     * @return a sentence for people, or null if all is taken
     */
    public @Nullable String take(String sourceServerId, Collection<String> things) {
        if (sources.contains(sourceServerId)) {
            return "source server " + sourceServerId + " is there twice";
        }
        if (sources.size() >= WireForms.ASSOCIATIONS_MAX) {
            return "one source server too many; allowed: " + WireForms.ASSOCIATIONS_MAX;
        }
        Set<String> own = new HashSet<>();
        for (String thing : things) {
            String owner = owners.get(thing);
            if (owner != null) {
                return thing + " belongs to source server " + owner;
            }
            if (!own.add(thing)) {
                return thing + " is there twice";
            }
        }
        sources.add(sourceServerId);
        own.forEach(thing -> owners.put(thing, sourceServerId));
        return null;
    }

    /** Takes an association, whose paths are not known. */
    @Nullable
    String take(Association association) {
        List<String> things = new ArrayList<>();
        association.agentPins().forEach(pin -> things.add("pin " + pin));
        association.disks().forEach(disk -> things.add("volume " + disk.volumeId()));
        return take(association.sourceServerId(), things);
    }
}
