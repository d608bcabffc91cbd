using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using AdaptFormer.Inference;

namespace AdaptFormer.Serving;

/// <summary>
/// Bodies of the Open Inference Protocol over REST: JSON, or JSON with binary data behind it, whose length a header tells.
/// </summary>
internal static class InferBody
{
    /// <summary>The header that says how many bytes of a body are JSON.</summary>
    public const string JsonLength = "Inference-Header-Content-Length";

    private const string BinarySize = "binary_data_size", BinaryData = "binary_data", BinaryOutput = "binary_data_output";

    /// <summary>Reads a question.</summary>
    /// <param name="bank">The bank that is asked.</param>
    /// <param name="body">The body.</param>
    /// <param name="jsonLength">How many of its bytes are JSON; all if null.</param>
    /// <returns>The question, and what it asks about.</returns>
    /// <exception cref="ArgumentException">It is not as the protocol has it.</exception>
    /// <exception cref="JsonException">The JSON is broken.</exception>
    public static (InferRequest Request, IReadOnlyList<VisualInput> Inputs) Read(
        TaskBank bank, ReadOnlyMemory<byte> body, string? jsonLength)
    {
        int length = body.Length;
        if (jsonLength is not null && (!int.TryParse(jsonLength, out length) || length < 0 || length > body.Length))
            throw new ArgumentException($"{JsonLength} is '{jsonLength}'; expected a number of bytes up to the body's {body.Length}.");
        InferRequest request = JsonSerializer.Deserialize(body.Span[..length], Wire.TypeOf<InferRequest>())
            ?? throw new JsonException("it is null");
        if (request.Inputs is not { Count: > 0 }
            || request.Inputs.Any(input => input is not { Name: not null, Datatype: not null, Shape.Count: > 0 }))
            throw new ArgumentException("The request needs inputs, each with name, datatype and shape.");
        if (request.Outputs?.Any(output => output?.Name is null) == true) throw new ArgumentException("Each of the outputs needs a name.");
        ReadOnlyMemory<byte> rest = body[length..];
        List<VisualInput> inputs = [];
        foreach (InferInput input in request.Inputs)
        {
            int count = Inquiry.Count(bank, input.Name, input.Datatype, input.Shape);
            if (Number(input.Parameters, BinarySize) is { } bytes)
            {
                if (bytes < 0 || bytes > rest.Length)
                    throw new ArgumentException($"{BinarySize} of '{input.Name}' is {bytes}; {rest.Length} bytes are left.");
                inputs.AddRange(Raw(bank, input.Datatype, rest[..(int)bytes], count));
                rest = rest[(int)bytes..];
            }
            else
            {
                inputs.AddRange(input.Datatype == "BYTES" ? Texts(input.Data, count) : Inquiry.Split(bank, Numbers(input.Data), count));
            }
        }

        return rest.Length == 0
            ? (request, inputs) : throw new ArgumentException($"{rest.Length} bytes behind the last input belong to none.");
    }

    /// <summary>An input in the raw form that binary REST and gRPC share.</summary>
    public static IEnumerable<VisualInput> Raw(TaskBank bank, string datatype, ReadOnlyMemory<byte> raw, int count)
    {
        if (datatype == "BYTES") return Inquiry.Elements(raw, count);
        if (raw.Length % sizeof(float) != 0) throw new ArgumentException($"{raw.Length} bytes are no whole number of FP32 values.");
        return Inquiry.Split(bank, MemoryMarshal.Cast<byte, float>(raw.Span).ToArray(), count);
    }

    /// <summary>Writes the answer as the question wants it.</summary>
    /// <returns>The body, and how many of its bytes are JSON; null if all are.</returns>
    public static (byte[] Body, int? JsonLength) Write(InferRequest request, string task, int version, TaskAnswer[] answers)
    {
        IReadOnlyList<RequestedOutput> asked = request.Outputs ?? [];
        bool all = Flag(request.Parameters, BinaryOutput) ?? false;
        using MemoryStream binary = new();
        List<InferOutput> outputs = [];
        foreach (string name in Inquiry.Chosen([.. asked.Select(output => output.Name)]))
        {
            bool isBinary = Flag(asked.FirstOrDefault(output => output.Name == name)?.Parameters, BinaryData) ?? all;
            long before = binary.Length;
            object? data = null;
            if (isBinary) binary.Write(Bytes(name, answers));
            else data = name == Inquiry.Label ? Inquiry.Labels(answers) : Inquiry.Numbers(name, answers);
            Dictionary<string, object>? parameters = isBinary ? new() { [BinarySize] = binary.Length - before } : null;
            outputs.Add(new InferOutput(name, Inquiry.TypeOf(name), Inquiry.ShapeOf(name, answers), data, parameters));
        }

        byte[] json = JsonSerializer.SerializeToUtf8Bytes(
            new InferResponse(task, $"{version}", request.Id, outputs), Wire.TypeOf<InferResponse>());
        return binary.Length == 0 ? (json, null) : ([.. json, .. binary.ToArray()], json.Length);
    }

    /// <summary>An output in the raw form.</summary>
    public static byte[] Bytes(string output, TaskAnswer[] answers)
    {
        if (output != Inquiry.Label) return MemoryMarshal.AsBytes(Inquiry.Numbers(output, answers).AsSpan()).ToArray();
        using MemoryStream raw = new();
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (string label in Inquiry.Labels(answers))
        {
            byte[] text = Encoding.UTF8.GetBytes(label);
            BinaryPrimitives.WriteInt32LittleEndian(length, text.Length);
            raw.Write(length);
            raw.Write(text);
        }

        return raw.ToArray();
    }

    private static IEnumerable<VisualInput> Texts(JsonElement data, int count)
    {
        List<string> texts = [];
        Flatten(data, element => texts.Add(element.ValueKind == JsonValueKind.String
            ? element.GetString()! : throw new ArgumentException("BYTES in JSON are texts: the pictures in base64.")));
        if (texts.Count != count) throw new ArgumentException($"The input holds {texts.Count} elements; its shape says {count}.");
        return [.. texts.Select((text, i) => VisualInput.Bytes(FromBase64(text), $"image {i}"))];
    }

    /// <summary>The bytes of a text in base64, with or without the beginning of a data address.</summary>
    /// <exception cref="ArgumentException">It is not base64.</exception>
    public static byte[] FromBase64(string text)
    {
        int comma = text.StartsWith("data:", StringComparison.Ordinal) ? text.IndexOf(',') + 1 : 0;
        try
        {
            return Convert.FromBase64String(comma == 0 ? text : text[comma..]);
        }
        catch (FormatException)
        {
            throw new ArgumentException("A picture in JSON is text in base64; this one is not.");
        }
    }

    private static float[] Numbers(JsonElement data)
    {
        List<float> numbers = [];
        Flatten(data, element => numbers.Add(element.ValueKind == JsonValueKind.Number && element.TryGetSingle(out float number)
            ? number : throw new ArgumentException("FP32 in JSON are numbers.")));
        return [.. numbers];
    }

    /// <summary>Visits the elements of a list, which may be nested as the shape is.</summary>
    private static void Flatten(JsonElement data, Action<JsonElement> visit)
    {
        if (data.ValueKind == JsonValueKind.Undefined) throw new ArgumentException("An input has neither data nor binary_data_size.");
        if (data.ValueKind != JsonValueKind.Array)
        {
            visit(data);
            return;
        }

        foreach (JsonElement element in data.EnumerateArray()) Flatten(element, visit);
    }

    private static long? Number(Dictionary<string, JsonElement>? parameters, string name) =>
        parameters is null || !parameters.TryGetValue(name, out JsonElement value) ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number)
            ? number : throw new ArgumentException($"{name} is no whole number.");

    private static bool? Flag(Dictionary<string, JsonElement>? parameters, string name) =>
        parameters is null || !parameters.TryGetValue(name, out JsonElement value) ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean() : throw new ArgumentException($"{name} is neither true nor false.");
}
