using System.Text.Json;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>
/// Reads Hugging Face's <c>preprocessor_config.json</c>: every switch is honoured, or refused by its name. What it leaves out is its image
/// processor's default.
/// </summary>
/// <remarks>
/// Pixels are v·rescale_factor, then (v − mean)/std; ours are scaled to [0, 1] first, so both are folded into mean and deviation.
/// </remarks>
internal sealed class ProcessorFile
{
    private const int PillowBilinear = 2, PillowBicubic = 3;
    private static readonly float[] Half = [0.5f, 0.5f, 0.5f], Clip = [0.48145466f, 0.4578275f, 0.40821073f], ClipStd = [0.26862954f,
        0.26130258f, 0.27577711f];

    // Names and texts that change no pixel.
    private static readonly string[] Inert =
    [
        "image_processor_type", "feature_extractor_type", "processor_class", "_valid_processor_keys", "data_format", "input_data_format",
        "return_tensors", "device",
        "use_fast", "auto_map", "model_type", "transformers_version", "default_to_square", "do_convert_rgb", "do_reduce_labels",
        "do_random_crop", "disable_grouping",
        "num_frames", "feature_size", "_name_or_path", "return_pixel_mask", "do_convert_annotations", "return_metadata", "image_seq_length",
        "crop_pct",
        "do_resize", "size", "resample", "do_center_crop", "crop_size", "do_rescale", "rescale_factor", "offset", "rescale_offset",
        "do_normalize", "image_mean", "image_std",
    ];

    private readonly JsonElement _json;
    private readonly Defaults _defaults;

    private ProcessorFile(JsonElement json)
    {
        _json = json;
        string type = Text("image_processor_type") ?? Text("feature_extractor_type") ?? "";
        _defaults = Defaults.Of(type);
    }

    /// <summary>What the file says about pictures.</summary>
    /// <param name="json">The file's root.</param>
    /// <param name="notes">Receives what is in the file and not known.</param>
    /// <exception cref="InvalidDataException">A switch asks for what is not supported.</exception>
    public static Preprocessing Read(JsonElement json, ICollection<string> notes)
    {
        ProcessorFile file = new(json);
        file.RefuseUnknown(notes);
        (int size, int resize, bool stretch) = file.Framing();
        (Rgb mean, Rgb std) = file.Statistics();
        return new Preprocessing(size, mean, std, resize, file.Filter(), Stretch: stretch, Upright: true);
    }

    private void RefuseUnknown(ICollection<string> notes)
    {
        foreach (JsonProperty entry in _json.EnumerateObject())
        {
            if (Inert.Contains(entry.Name) || entry.Value.ValueKind is JsonValueKind.Null or JsonValueKind.False) continue;
            if (entry.Name.StartsWith("do_", StringComparison.Ordinal))
                throw new InvalidDataException(
                    $"{entry.Name} is not supported: pictures would be prepared otherwise than the weights expect.");
            notes.Add($"preprocessor_config.json has the key '{entry.Name}', which is not known here and not used");
        }
    }

    private (int Size, int Resize, bool Stretch) Framing()
    {
        if (!Switch("do_resize", true))
            throw new InvalidDataException(
                "do_resize false is not supported: the model reads pictures of one size, and others must be resized to it.");
        Side size = _json.TryGetProperty("size", out JsonElement given) ? SideOf("size", given) : _defaults.Size;
        bool crops = Switch("do_center_crop", _defaults.Crops);
        Side crop = _json.TryGetProperty("crop_size", out JsonElement cut) ? SideOf("crop_size", cut) : new Side(_defaults.CropSize, false);
        if (_json.TryGetProperty("crop_pct", out JsonElement part) && part.ValueKind == JsonValueKind.Number)
        {
            // ConvNeXt's rule: below 384 pixels the shorter side is longer than the crop, from there on the whole picture is stretched.
            double share = part.GetDouble();
            if (!(share is > 0 and <= 1)) throw new InvalidDataException($"crop_pct is {share}, expected a number in (0, 1].");
            return size.Length >= 384 ? (size.Length, 0, false) : (size.Length, (int)(size.Length / share), false);
        }

        if (!crops)
        {
            return !size.Shortest ? (size.Length, 0, false)
                : throw new InvalidDataException(
                    $"size.shortest_edge {size.Length} without do_center_crop leaves pictures of any shape, and the model reads squares.");
        }

        if (crop.Length > size.Length)
            throw new InvalidDataException(
                $"crop_size {crop.Length} is larger than size {size.Length}: pictures would be framed in black, which is not supported.");
        return (crop.Length, size.Length, !size.Shortest);
    }

    private Side SideOf(string name, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Number)
            return new Side(Checked(name, value.GetInt32()),
                name == "size" && _defaults.NumberIsShortest(Switch("do_center_crop", _defaults.Crops)));
        if (value.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException($"{name} is {value.GetRawText()}, expected a number, height and width, or shortest_edge.");
        if (value.TryGetProperty("shortest_edge", out JsonElement edge))
        {
            return value.EnumerateObject().Count() == 1 ? new Side(Checked(name, edge.GetInt32()), true)
                : throw new InvalidDataException(
                    $"{name} is {value.GetRawText()}: shortest_edge together with another bound is not supported.");
        }

        if (!value.TryGetProperty("height", out JsonElement height) || !value.TryGetProperty("width", out JsonElement width))
            throw new InvalidDataException($"{name} is {value.GetRawText()}; supported are height with width, and shortest_edge.");
        return height.GetInt32() == width.GetInt32() ? new Side(Checked(name, height.GetInt32()), false)
            : throw new InvalidDataException(
                $"{name} is {height.GetInt32()} x {width.GetInt32()} pixels; pictures are prepared as squares only.");
    }

    private static int Checked(string name, int length) =>
        length is >= 1 and <= 4096 ? length : throw new InvalidDataException($"{name} is {length}, expected 1 to 4096 pixels.");

    private (Rgb Mean, Rgb Std) Statistics()
    {
        double factor = Switch("do_rescale", true) ? Number("rescale_factor") ?? 1 / 255.0 : 1;
        if (!(factor > 0) || !double.IsFinite(factor))
            throw new InvalidDataException($"rescale_factor is {factor}, expected a number above 0.");
        double offset = Switch("offset", false) || Switch("rescale_offset", false) ? 1 : 0, white = 255 * factor;
        if (Math.Abs(white - 1) < 1e-6) white = 1;
        bool normalizes = Switch("do_normalize", true);
        float[] mean = normalizes ? Channels("image_mean") ?? _defaults.Mean : [0, 0, 0], std = normalizes
            ? Channels("image_std") ?? _defaults.Std : [1, 1, 1];
        if (std.Any(value => !(value > 0)))
            throw new InvalidDataException($"image_std is [{string.Join(", ", std)}], expected numbers above 0.");

        // (v·f − o − m)/s with v = 255·p is (p − (m + o)/(255·f)) / (s/(255·f)).
        float[] shift = [.. mean.Select(value => (float)((value + offset) / white))], scale =
            [.. std.Select(value => (float)(value / white))];
        return (new Rgb(shift[0], shift[1], shift[2]), new Rgb(scale[0], scale[1], scale[2]));
    }

    private Interpolation Filter()
    {
        if (!_json.TryGetProperty("resample", out JsonElement given) || given.ValueKind == JsonValueKind.Null) return _defaults.Filter;
        string name = given.ValueKind == JsonValueKind.Number ? given.GetInt32() switch
        {
            0 => "nearest",
            1 => "lanczos",
            PillowBilinear => "bilinear",
            PillowBicubic => "bicubic",
            4 => "box",
            5 => "hamming",
            int other => $"{other}",
        } : given.GetString()!;
        return ResamplingNames.Parse("resample", name);
    }

    private string? Text(string name) =>
        _json.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private double? Number(string name) =>
        _json.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value.GetDouble() : null;

    private bool Switch(string name, bool otherwise) =>
        _json.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value.GetBoolean() : otherwise;

    private float[]? Channels(string name) =>
        !_json.TryGetProperty(name, out JsonElement list) || list.ValueKind == JsonValueKind.Null ? null
        : list.ValueKind == JsonValueKind.Array && list.GetArrayLength() == 3
            ? [.. list.EnumerateArray().Select(value => value.GetSingle())]
        : throw new InvalidDataException($"{name} is {list.GetRawText()}, expected three numbers.");

    /// <summary>A length in pixels, and whether it is that of the shorter side; otherwise of both.</summary>
    private readonly record struct Side(int Length, bool Shortest);

    /// <summary>What an image processor does where its file says nothing.</summary>
    /// <param name="Size">To what pictures are resized.</param>
    /// <param name="Crops">Whether the centre is cut out afterwards.</param>
    /// <param name="CropSize">Its side.</param>
    /// <param name="Filter">Of the resize.</param>
    /// <param name="Mean">Of R, G, B.</param>
    /// <param name="Std">Of R, G, B.</param>
    /// <param name="SizeRule">Whether a bare number as size is the shorter side's; null where the processor is not known.</param>
    private sealed record Defaults(Side Size, bool Crops, int CropSize, Interpolation Filter, float[] Mean, float[] Std, bool? SizeRule)
    {
        public static Defaults Of(string type) => type.Split("ImageProcessor")[0].Split("FeatureExtractor")[0] switch
        {
            "CLIP" or "Bit" or "ChineseCLIP" => new(new Side(224, true), true, 224, Interpolation.Bicubic, Clip, ClipStd, true),
            "DeiT" or "Beit" => new(new Side(256, false), true, 224, Interpolation.Bicubic, Half, Half, false),
            "Siglip" => new(new Side(224, false), false, 224, Interpolation.Bicubic, Half, Half, false),
            "VideoMAE" => new(new Side(224, true), true, 224, Interpolation.Bilinear, Half, Half, true),
            "ViT" => new(new Side(224, false), false, 224, Interpolation.Bilinear, Half, Half, false),
            _ => new(new Side(224, false), false, 224, Interpolation.Bilinear, Half, Half, null),
        };

        // Where nothing says whose file it is: with a crop a number is the shorter side's, without one it is both sides'.
        public bool NumberIsShortest(bool crops) => SizeRule ?? crops;
    }
}

/// <summary>The filters' names in other programs.</summary>
internal static class ResamplingNames
{
    /// <summary>The filter that <paramref name="name"/> names.</summary>
    /// <exception cref="InvalidDataException">There is none, or it is not supported.</exception>
    public static Interpolation Parse(string key, string name) => name switch
    {
        "bilinear" => Interpolation.Bilinear,
        "bicubic" => Interpolation.Bicubic,
        "lanczos" => Interpolation.Lanczos,
        "box" => Interpolation.Box,
        _ => throw new InvalidDataException($"{key} '{name}' is not supported; supported are bilinear, bicubic, lanczos and box."),
    };
}
