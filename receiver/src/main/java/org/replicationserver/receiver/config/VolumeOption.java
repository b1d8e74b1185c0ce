package org.replicationserver.receiver.config;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.replicationserver.receiver.config.VolumeText.Field;

/** Reads the value of {@code --volume}: {@code deviceName=/dev/sda,volumeId=vol-1,sizeBytes=8GiB[,path=PATH][,fresh]}. */
final class VolumeOption {
    private static final String OPTION = "--volume";

    private VolumeOption() {}

    /** All of them, in their order; where there are several, a mistake names which one has it. */
    static List<VolumeText> parseAll(List<String> texts, Mistakes mistakes) {
        List<VolumeText> volumes = new ArrayList<>();
        for (String text : texts) {
            String where = texts.size() == 1 ? OPTION : OPTION + " " + (volumes.size() + 1) + " of " + texts.size();
            volumes.add(parse(where, text, mistakes));
        }
        return volumes;
    }

    private static VolumeText parse(String where, String text, Mistakes mistakes) {
        Map<String, Field> fields = new HashMap<>();
        for (String part : text.split(",", -1)) {
            int equals = part.indexOf('=');
            String key = equals < 0 ? part : part.substring(0, equals);
            if (!AssignmentsFile.VOLUME_KEYS.contains(key)) {
                mistakes.unknown(where, "key", key, AssignmentsFile.VOLUME_KEYS);
            } else if (fields.put(key, new Field(where, valueOf(key, part, equals))) != null) {
                mistakes.add(where, "key " + key + " is given twice");
            }
        }
        return new VolumeText(
                where,
                fields.get(VolumeText.VOLUME_ID),
                fields.get(VolumeText.DEVICE_NAME),
                fields.get(VolumeText.PATH),
                fields.get(VolumeText.SIZE_BYTES),
                fields.get(VolumeText.FRESH));
    }

    /** The word {@code fresh} alone stands for {@code fresh=true}; of other keys an empty value is refused later. */
    private static String valueOf(String key, String part, int equals) {
        if (equals >= 0) {
            return part.substring(equals + 1);
        }
        return key.equals(VolumeText.FRESH) ? "true" : "";
    }
}
