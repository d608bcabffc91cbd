using System.Text.Json;
using System.Text.Json.Nodes;
using AdaptFormer.Files;

namespace AdaptFormer.Reports.TensorBoard;

/// <summary>The kinds of value that an event may hold, as <c>Summary.Value</c> messages.</summary>
/// <remarks>Field numbers are those of tensorflow/core/framework/summary.proto, tensor.proto and
/// tensorboard/plugins/hparams/plugin_data.proto.</remarks>
internal static class SummaryValue
{
    private const int Tag = 1, Simple = 2, Picture = 4, Tensor = 8, Metadata = 9;
    private const long DataString = 7, Succeeded = 1;

    /// <summary>A number.</summary>
    public static ProtobufWriter Scalar(string tag, double value) => new ProtobufWriter().Write(Tag, tag).Write(Simple, (float)value);

    /// <summary>A picture.</summary>
    /// <param name="tag">Its name.</param>
    /// <param name="png">The file.</param>
    public static ProtobufWriter Image(string tag, byte[] png)
    {
        const int height = 1, width = 2, colourSpace = 3, encoded = 4, rgb = 3;
        (int w, int h) = PngSize(png);
        return new ProtobufWriter().Write(Tag, tag)
            .Write(Picture,
                new ProtobufWriter().Write(height, (long)h).Write(width, (long)w).Write(colourSpace, (long)rgb).Write(encoded, png));
    }

    /// <summary>A text in Markdown.</summary>
    public static ProtobufWriter Text(string tag, string markdown)
    {
        const int type = 1, shape = 2, strings = 8;
        return new ProtobufWriter().Write(Tag, tag).Write(Metadata, Plugin("text", []))
            .Write(Tensor, new ProtobufWriter().Write(type, DataString).Write(shape, new ProtobufWriter()).Write(strings, markdown));
    }

    /// <summary>The hyper-parameters of a run that begins: one row of TensorBoard's table, which finds the columns itself over all
    /// runs.</summary>
    /// <param name="values">Numbers, bools and strings by name.</param>
    /// <param name="start">When the run began.</param>
    public static ProtobufWriter HyperParameters(IReadOnlyList<KeyValuePair<string, JsonValue>> values, DateTimeOffset start)
    {
        const int sessionStart = 3, hyperParameters = 1, key = 1, entry = 2, startTime = 5;
        ProtobufWriter info = new();
        foreach ((string name, JsonValue value) in values)
            info.Write(hyperParameters, new ProtobufWriter().Write(key, name).Write(entry, Value(value)));
        return HyperParameters("_hparams_/session_start_info", sessionStart, info.Write(startTime, EventFile.Seconds(start)));
    }

    /// <summary>That a run ended well.</summary>
    public static ProtobufWriter RunEnded(DateTimeOffset end)
    {
        const int sessionEnd = 4, status = 1, endTime = 2;
        return HyperParameters("_hparams_/session_end_info", sessionEnd,
            new ProtobufWriter().Write(status, Succeeded).Write(endTime, EventFile.Seconds(end)));
    }

    private static ProtobufWriter HyperParameters(string tag, int kind, ProtobufWriter info) =>
        new ProtobufWriter().Write(Tag, tag).Write(Metadata, Plugin("hparams", new ProtobufWriter().Write(kind, info).ToArray()));

    private static ProtobufWriter Plugin(string name, byte[] content)
    {
        const int pluginData = 1, pluginName = 1, pluginContent = 2;
        return new ProtobufWriter().Write(pluginData, new ProtobufWriter().Write(pluginName, name).Write(pluginContent, content));
    }

    // google.protobuf.Value
    private static ProtobufWriter Value(JsonValue value)
    {
        const int number = 2, text = 3, flag = 4;
        return value.GetValueKind() switch
        {
            JsonValueKind.Number => new ProtobufWriter().Write(number, value.GetValue<double>()),
            JsonValueKind.True => new ProtobufWriter().Write(flag, 1L),
            JsonValueKind.False => new ProtobufWriter().Write(flag, 0L),
            _ => new ProtobufWriter().Write(text, value.GetValue<string>()),
        };
    }

    // A PNG's first part, behind eight bytes of signature and eight of its own head, begins with the two sides.
    private static (int Width, int Height) PngSize(byte[] png) =>
        (System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(
            png.AsSpan(16)), System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20)));
}
