package org.replicationserver.fuzz;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.Map;
import org.replicationserver.receiver.protocol.Body;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * What must hold of a JSON body that was accepted: it is within the bounds of section 5.1 and as its published schema says, a member that is
 * not known changes nothing, and what is written of it is read whole and is the same. One thread.
 */
final class JsonRules {
    /** Makes a body of a frame's JSON. */
    interface BodyParser {
        Body parse(JsonBody json) throws ProtocolException;
    }

    private static final String UNKNOWN_MEMBER = "fuzz";

    private final Map<FrameType, BodySchema> schemas = new EnumMap<>(FrameType.class);

    /**
     * What is read, as words that are the same for the same body.
     *
     * @throws ProtocolException if it is refused
     */
    String wordsOf(FrameType type, BodyParser parser, ByteBuffer payload) throws ProtocolException {
        JsonBody json = JsonBody.parse(payload);
        String text = StandardCharsets.UTF_8.decode(payload.duplicate()).toString();
        requireWithinBounds(text);
        Body body = parser.parse(json);
        requireAsPublished(type, new JsonObject(Buffer.buffer(text)));
        requireUnknownMembersIgnored(parser, body, json, text);
        requireReadAgain(type, parser, body);
        return body.toString();
    }

    /** Counted in another way than the parser's. */
    static void requireWithinBounds(String text) {
        Rules.require(
                text.getBytes(StandardCharsets.UTF_8).length <= ProtocolLimits.JSON_BYTES_MAX,
                "a JSON body has at most 64 KiB");
        int depth = 0;
        int at = 0;
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c == '"') {
                at = requireString(text, at + 1);
            } else if (c == '-' || Character.isDigit(c)) {
                at = requireNumber(text, at);
            } else {
                depth += c == '{' || c == '[' ? 1 : 0;
                depth -= c == '}' || c == ']' ? 1 : 0;
                Rules.require(depth <= ProtocolLimits.JSON_DEPTH_MAX, "JSON is nested at most 8 deep");
                at++;
            }
        }
    }

    /** Gives where the text goes on behind the closing quotation mark. */
    private static int requireString(String text, int from) {
        int chars = 0;
        int at = from;
        while (text.charAt(at) != '"') {
            boolean escaped = text.charAt(at) == '\\';
            at += !escaped ? 1 : text.charAt(at + 1) == 'u' ? 6 : 2;
            chars++;
        }
        Rules.require(
                chars <= ProtocolLimits.JSON_STRING_CHARS_MAX,
                "a JSON string has at most 1024 characters, not " + chars);
        return at + 1;
    }

    private static int requireNumber(String text, int from) {
        int at = from;
        while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
        Rules.require(
                at - from <= ProtocolLimits.JSON_NUMBER_CHARS_MAX,
                "a JSON number has at most 20 characters, not " + (at - from));
        return at;
    }

    /** The ranges and lengths that the schemas give are normative. */
    private void requireAsPublished(FrameType type, JsonObject body) {
        String violation = schemas.computeIfAbsent(type, BodySchema::of).violation(body);
        Rules.require(violation == null, "a body of " + type + " that is accepted is as its schema says: " + violation);
    }

    /** One more is counted, and the body is the same. */
    private static void requireUnknownMembersIgnored(BodyParser parser, Body body, JsonBody json, String text) {
        StringBuilder name = new StringBuilder(UNKNOWN_MEMBER);
        while (json.has(name.toString())) {
            name.append('+');
        }
        int brace = text.indexOf('{');
        boolean empty = text.substring(brace + 1).stripLeading().startsWith("}");
        String with = "{\"" + name + "\":[{}]" + (empty ? "" : ",") + text.substring(brace + 1);
        byte[] bytes = with.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > ProtocolLimits.JSON_BYTES_MAX || name.length() > ProtocolLimits.JSON_STRING_CHARS_MAX) {
            return;
        }
        try {
            JsonBody more = JsonBody.parse(bytes);
            Rules.requireSame(body, parser.parse(more), "a member that is not known changes nothing");
            Rules.requireSame(json.unreadMembers() + 1, more.unreadMembers(), "a member that is not known is counted");
        } catch (ProtocolException e) {
            throw new AssertionError("broken: a member that is not known is ignored: " + e.getMessage(), e);
        }
    }

    private void requireReadAgain(FrameType type, BodyParser parser, Body body) {
        byte[] bytes = body.toJson().toBytes();
        try {
            JsonBody written = JsonBody.parse(bytes);
            Rules.requireSame(body, parser.parse(written), "a body is the same when it is written and read again");
            Rules.requireSame(0, written.unreadMembers(), "each member that is written is read");
        } catch (ProtocolException e) {
            throw new AssertionError("broken: a body that is written can be read: " + e.getMessage(), e);
        }
        requireAsPublished(type, new JsonObject(Buffer.buffer(bytes)));
    }
}
