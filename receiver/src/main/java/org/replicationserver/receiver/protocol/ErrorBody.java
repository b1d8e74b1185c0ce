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

    public static ErrorBody parse(JsonBody json) throws ProtocolException {
        return new ErrorBody(
                (int) json.integer("code", 0, Integer.MAX_VALUE),
                json.has("name") ? json.string("name", 64) : null,
                json.has("seq") ? json.string("seq", 20) : null,
                json.has("volume") ? (int) json.integer("volume", 0, 65535) : null,
                json.has("offset") ? json.integer("offset", 0, ProtocolLimits.DISK_BYTES_MAX) : null,
                json.has("text") ? json.string("text", ProtocolLimits.ERROR_TEXT_CHARS_MAX) : null);
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
        return text.length() <= ProtocolLimits.ERROR_TEXT_CHARS_MAX
                ? text
                : text.substring(0, ProtocolLimits.ERROR_TEXT_CHARS_MAX);
    }
}
