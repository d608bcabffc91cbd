using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Files;

namespace AdaptFormer.Models;

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
    int ImgSize, Rgb Mean, Rgb Std, int EvalResize, Interpolation Interpolation = Interpolation.Bicubic,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ClipViews? Clips = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Stretch = false,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? Upright = null)
{
    /// <summary>ImageNet's statistics: DeiT, MAE, DINO. The centre crop keeps 224 of 256 pixels, as their code does.</summary>
    public static Preprocessing ImageNet(int imgSize = 224, double cropFraction = 0.875) =>
        Of(PixelStatistics.ImageNet, imgSize, Resized(imgSize, cropFraction));

    /// <summary>Mean and deviation 0.5: Google's ViT and AugReg weights.</summary>
    public static Preprocessing Inception(int imgSize = 224, double cropFraction = 0.9) =>
        Of(PixelStatistics.Inception, imgSize, Resized(imgSize, cropFraction));

    /// <summary>OpenAI's CLIP: the statistics of its own pictures, the shorter side resized to the size of the crop.</summary>
    public static Preprocessing Clip(int imgSize = 224) => Of(PixelStatistics.Clip, imgSize, imgSize);

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
    public string Statistics => Pixels.Name;

    /// <summary>Mean and deviation of the channels.</summary>
    [JsonIgnore]
    public PixelStatistics Pixels => new(Mean, Std);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What to call it in messages.</param>
    /// <exception cref="InvalidDataException">It is not such JSON, or a value is out of range.</exception>
    public static Preprocessing FromJson(string json, string source)
    {
        try
        {
            Preprocessing read = JsonSerializer.Deserialize(json, ModelsJson.Default.Preprocessing)
                ?? throw new InvalidDataException($"{source}: the preprocessing is null.");
            if (read.ImgSize is < 1 or > 65536 || read.EvalResize is < 0 or > 65536
                || read.Mean.ToArray().Any(m => !float.IsFinite(m)) || read.Std.ToArray().Any(s => !(s > 0))
                || read.Clips is { IsValid: false })
                throw new InvalidDataException($"{source}: the preprocessing is out of range: {read}.");
            return read;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"{source}: the preprocessing cannot be read: {JsonText.Explain(e)}.", e);
        }
    }

    /// <summary>The preprocessing as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ModelsJson.Default.Preprocessing);

    /// <summary>The same for another image size; the crop keeps the same share of the picture.</summary>
    public Preprocessing WithImgSize(int imgSize) =>
        this with { ImgSize = imgSize, EvalResize = (int)Math.Round((double)EvalResize * imgSize / ImgSize) };

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
        if (Clips != other.Clips)
            yield return $"clips of {Clips?.ToString() ?? "unknown views"}, not {other.Clips?.ToString() ?? "unknown views"}";
    }

    /// <summary>For example <c>224 px, resize 256 + centre crop, bicubic, imagenet</c>.</summary>
    public override string ToString()
    {
        string cut = EvalResize == 0 ? "stretched" : $"{(Stretch ? "stretched to" : "resize")} {EvalResize} + centre crop";
        string statistics = Statistics == "custom" ? $"mean {Mean} std {Std}" : Statistics;
        return $"{ImgSize} px, {cut}, {Name(Interpolation)}, {statistics}{(Clips is null ? "" : $", {Clips}")}"
            + (Turns ? "" : ", not turned upright");
    }

    private static string Rule(bool turns) => turns ? "apply" : "ignore";

    private static Preprocessing Of(PixelStatistics pixels, int imgSize, int evalResize) =>
        new(imgSize, pixels.Mean, pixels.Std, evalResize, Upright: true);

    private static int Resized(int imgSize, double cropFraction) => (int)Math.Floor(imgSize / cropFraction);

    private static string Name(Interpolation filter) => JsonNamingPolicy.SnakeCaseLower.ConvertName(filter.ToString());
}
