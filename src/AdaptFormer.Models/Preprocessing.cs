using System.Text.Json;
using System.Text.Json.Serialization;

namespace AdaptFormer.Models;

/// <summary>How pictures are resized, by the name of the filter.</summary>
[JsonConverter(typeof(SnakeCaseEnum<Resampling>))]
public enum Resampling
{
    /// <summary>Triangle filter.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = −0.5, as Pillow.</summary>
    Bicubic,

    /// <summary>Windowed sinc, support 3.</summary>
    Lanczos,

    /// <summary>Mean of the covered pixels.</summary>
    Box,
}

/// <summary>One number for each of the channels R, G and B, on the scale where white is 1.</summary>
[JsonConverter(typeof(RgbConverter))]
public readonly record struct Rgb(float R, float G, float B)
{
    /// <summary>The three numbers, R first.</summary>
    public float[] ToArray() => [R, G, B];

    /// <summary>For example <c>(0.485, 0.456, 0.406)</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"({R:0.####}, {G:0.####}, {B:0.####})");
}

/// <summary>What pictures must look like for a set of weights. It belongs to the weights' description, never to a file name or a data
/// set.</summary>
/// <param name="ImgSize">Side of the square that the model sees, in pixels.</param>
/// <param name="Mean">Subtracted from pixels in [0, 1].</param>
/// <param name="Std">Divides them afterwards.</param>
/// <param name="EvalResize">Length of the shorter side before the centre crop; 0 stretches the whole picture instead.</param>
/// <param name="Interpolation">Filter of the resize.</param>
/// <param name="Clips">Which frames of a video are seen, and in how many views; null for pictures, and where it is not known.</param>
/// <param name="Stretch">Whether the whole picture is stretched to a square of that side ahead of the crop, and not its shorter side
/// resized to it.</param>
/// <param name="Upright">
/// Whether pictures and clips are turned as their files say (EXIF and the like). Null where that was not recorded, as in earlier
/// versions, which turned videos and no
/// pictures: <see cref="TurnsPictures"/> and <see cref="TurnsClips"/> say what it means.
/// </param>
public sealed record Preprocessing(
    int ImgSize, Rgb Mean, Rgb Std, int EvalResize, Resampling Interpolation = Resampling.Bicubic,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ClipViews? Clips = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Stretch = false,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? Upright = null)
{
    private static readonly Rgb ImageNetMean = new(0.485f, 0.456f, 0.406f), ImageNetStd = new(0.229f, 0.224f, 0.225f), Half = new(0.5f, 0.5f, 0.5f);
    private static readonly Rgb ClipMean = new(0.48145466f, 0.4578275f, 0.40821073f), ClipStd = new(0.26862954f, 0.26130258f, 0.27577711f);

    /// <summary>ImageNet's statistics: DeiT, MAE, DINO. The centre crop keeps 224 of 256 pixels, as their code does.</summary>
    public static Preprocessing ImageNet(int imgSize = 224, double cropFraction = 0.875) => new(imgSize, ImageNetMean, ImageNetStd, Resized(imgSize, cropFraction), Upright: true);

    /// <summary>Mean and deviation 0.5: Google's ViT and AugReg weights.</summary>
    public static Preprocessing Inception(int imgSize = 224, double cropFraction = 0.9) => new(imgSize, Half, Half, Resized(imgSize, cropFraction), Upright: true);

    /// <summary>OpenAI's CLIP: the statistics of its own pictures, the shorter side resized to the size of the crop.</summary>
    public static Preprocessing Clip(int imgSize = 224) => new(imgSize, ClipMean, ClipStd, imgSize, Upright: true);

    /// <summary>Whether pictures are turned as their files say.</summary>
    [JsonIgnore]
    public bool TurnsPictures => Upright ?? false;

    /// <summary>Whether the frames of clips are.</summary>
    [JsonIgnore]
    public bool TurnsClips => Upright ?? true;

    private bool Turns => Clips is null ? TurnsPictures : TurnsClips;

    /// <summary>The statistics' name: <c>imagenet</c>, <c>inception</c>, <c>clip</c>, <c>none</c> (pixels stay in [0, 1]) or
    /// <c>custom</c>.</summary>
    [JsonIgnore]
    public string Statistics => (Mean, Std) switch
    {
        _ when Mean == ImageNetMean && Std == ImageNetStd => "imagenet",
        _ when Mean == Half && Std == Half => "inception",
        _ when Mean == ClipMean && Std == ClipStd => "clip",
        _ when Mean == default && Std == new Rgb(1, 1, 1) => "none",
        _ => "custom",
    };

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What to call it in messages.</param>
    /// <exception cref="InvalidDataException">It is not such JSON, or a value is out of range.</exception>
    public static Preprocessing FromJson(string json, string source)
    {
        try
        {
            Preprocessing read = JsonSerializer.Deserialize(json, ModelsJson.Default.Preprocessing) ?? throw new InvalidDataException($"{source}: the preprocessing is null.");
            if (read.ImgSize is < 1 or > 65536 || read.EvalResize is < 0 or > 65536 || read.Mean.ToArray().Any(m => !float.IsFinite(m)) || read.Std.ToArray().Any(s => !(s > 0)) || read.Clips is { IsValid: false })
                throw new InvalidDataException($"{source}: the preprocessing is out of range: {read}.");
            return read;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"{source}: the preprocessing cannot be read: {e.Message}", e);
        }
    }

    /// <summary>The preprocessing as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ModelsJson.Default.Preprocessing);

    /// <summary>The same for another image size; the crop keeps the same share of the picture.</summary>
    public Preprocessing WithImgSize(int imgSize) => this with { ImgSize = imgSize, EvalResize = (int)Math.Round((double)EvalResize * imgSize / ImgSize) };

    /// <summary>Every way in which <paramref name="other"/> is not this, in words; empty when they agree.</summary>
    public IEnumerable<string> DifferencesFrom(Preprocessing other)
    {
        if (ImgSize != other.ImgSize) yield return $"img_size {ImgSize}, not {other.ImgSize}";
        if (Mean != other.Mean) yield return $"mean {Mean}, not {other.Mean}";
        if (Std != other.Std) yield return $"std {Std}, not {other.Std}";
        if (EvalResize != other.EvalResize) yield return $"eval_resize {EvalResize}, not {other.EvalResize}";
        if (Stretch != other.Stretch) yield return $"stretch {(Stretch ? "true" : "false")}, not {(other.Stretch ? "true" : "false")}";
        if (Interpolation != other.Interpolation) yield return $"interpolation {Name(Interpolation)}, not {Name(other.Interpolation)}";
        if (Turns != other.Turns) yield return $"orientation {Rule(Turns)}, not {Rule(other.Turns)}";
        if (Clips != other.Clips) yield return $"clips of {Clips?.ToString() ?? "unknown views"}, not {other.Clips?.ToString() ?? "unknown views"}";
    }

    /// <summary>For example <c>224 px, resize 256 + centre crop, bicubic, imagenet</c>.</summary>
    public override string ToString()
    {
        string cut = EvalResize == 0 ? "stretched" : $"{(Stretch ? "stretched to" : "resize")} {EvalResize} + centre crop";
        string statistics = Statistics == "custom" ? $"mean {Mean} std {Std}" : Statistics;
        return $"{ImgSize} px, {cut}, {Name(Interpolation)}, {statistics}{(Clips is null ? "" : $", {Clips}")}{(Turns ? "" : ", not turned upright")}";
    }

    private static string Rule(bool turns) => turns ? "apply" : "ignore";

    private static int Resized(int imgSize, double cropFraction) => (int)Math.Floor(imgSize / cropFraction);

    private static string Name(Resampling filter) => JsonNamingPolicy.SnakeCaseLower.ConvertName(filter.ToString());
}

/// <summary>Writes three channels as a list of three numbers.</summary>
internal sealed class RgbConverter : JsonConverter<Rgb>
{
    public override Rgb Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        Span<float> values = stackalloc float[3];
        if (reader.TokenType != JsonTokenType.StartArray) throw new JsonException("a list of three numbers is expected");
        foreach (ref float value in values)
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.Number) throw new JsonException("a list of three numbers is expected");
            value = reader.GetSingle();
        }

        if (!reader.Read() || reader.TokenType != JsonTokenType.EndArray) throw new JsonException("a list of three numbers is expected");
        return new Rgb(values[0], values[1], values[2]);
    }

    public override void Write(Utf8JsonWriter writer, Rgb value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (float channel in value.ToArray()) writer.WriteNumberValue(channel);
        writer.WriteEndArray();
    }
}
