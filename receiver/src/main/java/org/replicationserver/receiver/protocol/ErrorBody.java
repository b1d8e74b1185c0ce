package org.replicationserver.receiver.protocol;

import org.jspecify.annotations.Nullable;

/** Body of ERROR. Its layout is frozen for all versions; only {@code code} is always there. */
public record ErrorBody(
        int code,
        @Nullable String name,
        @Nullable String seq,
        @Nullable Integer volume,
        @Nullable Long offset,
        @Nullable String text)
        implements Body {
    private static final int CODE_MAX = 65535;

    public static ErrorBody parse(JsonBody json) throws ProtocolException {
        return new ErrorBody(
                (int) json.integer("code", 1, CODE_MAX),
                json.has("name") ? json.string("name", 0, 64) : null,
                json.has("seq") ? Long.toString(json.number64("seq")) : null,
                json.has("volume") ? (int) json.integer("volume", 0, 65535) : null,
                json.has("offset") ? json.integer("offset", 0, ProtocolLimits.DISK_BYTES_MAX) : null,
                json.has("text") ? json.string("text", 0, ProtocolLimits.ERROR_TEXT_CHARS_MAX) : null);
    }

    @Override
    public JsonBody toJson() {
        return JsonBody.empty()
                .put("code", code)
                .putIfPresent("name", name)
                .putIfPresent("seq", seq)
                .putIfPresent("volume", volume)
                // An offset that the peer made up may be beyond what JSON integers hold.
                .putIfPresent(
                        "offset",
                        offset != null && offset >= 0 && offset <= ProtocolLimits.DISK_BYTES_MAX ? offset : null)
                .putIfPresent("text", text == null ? null : shortened(text));
    }

    private static String shortened(String text) {
        if (text.length() <= ProtocolLimits.ERROR_TEXT_CHARS_MAX) {
            return text;
        }
        int end = ProtocolLimits.ERROR_TEXT_CHARS_MAX;
        return text.substring(0, Character.isHighSurrogate(text.charAt(end - 1)) ? end - 1 : end);
    }
}
