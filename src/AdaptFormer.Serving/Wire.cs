using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace AdaptFormer.Serving;

/// <summary>How JSON looks on the wire.</summary>
internal static class Wire
{
    /// <summary>Names in snake_case, as the Open Inference Protocol has them; nothing for null.</summary>
    public static JsonSerializerOptions Json { get; } = Configure(new JsonSerializerOptions(JsonSerializerDefaults.Web));

    /// <summary>Sets options to that form.</summary>
    public static JsonSerializerOptions Configure(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        options.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.TypeInfoResolverChain.Insert(0, WireTypes.Default);
        return options;
    }

    /// <summary>How a type is written, known when the program was compiled: native code cannot look it up.</summary>
    public static JsonTypeInfo<T> TypeOf<T>() => (JsonTypeInfo<T>)Json.GetTypeInfo(typeof(T));

    /// <summary>An answer in JSON.</summary>
    public static IResult Answer<T>(T body, int? status = null) => Results.Json(body, TypeOf<T>(), statusCode: status);
}

/// <summary>Why a request failed.</summary>
internal sealed record ErrorBody(string Error);

/// <summary>What the server is.</summary>
internal sealed record ServerMetadata(string Name, string Version, IReadOnlyList<string> Extensions);

/// <summary>Whether the server lives.</summary>
internal sealed record LiveBody(bool Live);

/// <summary>Whether the server, or a task, is ready.</summary>
internal sealed record ReadyBody(bool Ready, string? Name = null);

/// <summary>A tensor that a task reads or answers with; −1 for any length.</summary>
internal sealed record TensorMetadata(string Name, string Datatype, IReadOnlyList<long> Shape);

/// <summary>What a task is.</summary>
internal sealed record ModelMetadata(
    string Name, IReadOnlyList<string> Versions, string Platform, IReadOnlyList<TensorMetadata> Inputs,
    IReadOnlyList<TensorMetadata> Outputs);

/// <summary>An input: pictures or clips as BYTES (in JSON as base64), or FP32 tensors.</summary>
internal sealed record InferInput(
    string Name, string Datatype, IReadOnlyList<long> Shape, JsonElement Data, Dictionary<string, JsonElement>? Parameters = null);

/// <summary>An output that is wanted.</summary>
internal sealed record RequestedOutput(string Name, Dictionary<string, JsonElement>? Parameters = null);

/// <summary>A question of the Open Inference Protocol.</summary>
internal sealed record InferRequest(
    IReadOnlyList<InferInput> Inputs, string? Id = null, IReadOnlyList<RequestedOutput>? Outputs = null,
    Dictionary<string, JsonElement>? Parameters = null);

/// <summary>An output; its numbers or texts stand in <c>data</c>, or behind the JSON where binary data was asked for.</summary>
internal sealed record InferOutput(
    string Name, string Datatype, IReadOnlyList<long> Shape, object? Data = null, Dictionary<string, object>? Parameters = null);

/// <summary>An answer of the Open Inference Protocol.</summary>
internal sealed record InferResponse(string ModelName, string ModelVersion, string? Id, IReadOnlyList<InferOutput> Outputs);

/// <summary>A class and its probability, as Hugging Face clients read them.</summary>
internal sealed record LabelScore(string Label, double Score);

/// <summary>A task in the list of tasks; its bits are those of a number in the file, its bytes those in memory.</summary>
internal sealed record TaskSummary(
    string Name, string Method, int Classes, IReadOnlyList<string> Labels, bool MultiLabel, bool Resident, bool Tested, long Bytes,
    int Bits, int Version, IReadOnlyDictionary<string, double> Metrics);

/// <summary>All tasks, and the files that are none.</summary>
internal sealed record TaskList(
    string Backbone, bool ReadsClips, IReadOnlyList<TaskSummary> Tasks, IReadOnlyDictionary<string, string> Refused);

/// <summary>What one of several asked tasks says.</summary>
internal sealed record TaskResult(string Task, IReadOnlyList<LabelScore>? Classes, string? Error = null);

/// <summary>What all asked tasks say of one picture or clip.</summary>
internal sealed record AskResponse(IReadOnlyList<TaskResult> Answers, double Milliseconds);

/// <summary>Where a task looked.</summary>
internal sealed record AttentionBody(string Task, string Reader, string Picture, string Attention, string? Rollout);

/// <summary>All that goes over the wire as JSON; the arrays and the number are what <c>object</c> stands for in an answer.</summary>
[JsonSerializable(typeof(ErrorBody))]
[JsonSerializable(typeof(ServerMetadata))]
[JsonSerializable(typeof(LiveBody))]
[JsonSerializable(typeof(ReadyBody))]
[JsonSerializable(typeof(ModelMetadata))]
[JsonSerializable(typeof(RepositoryEntry[]))]
[JsonSerializable(typeof(IReadOnlyList<RepositoryEntry>))]
[JsonSerializable(typeof(InferRequest))]
[JsonSerializable(typeof(InferResponse))]
[JsonSerializable(typeof(LabelScore[]))]
[JsonSerializable(typeof(TaskList))]
[JsonSerializable(typeof(AskResponse))]
[JsonSerializable(typeof(AttentionBody))]
[JsonSerializable(typeof(float[]))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(Dictionary<string, string[]>))]
internal sealed partial class WireTypes : JsonSerializerContext;
