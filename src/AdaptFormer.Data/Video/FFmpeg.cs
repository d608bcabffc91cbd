using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using AdaptFormer.Data.Images;
using AdaptFormer.Files;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Data.Video;

/// <summary>
/// Decodes videos with the programs <c>ffprobe</c> and <c>ffmpeg</c>, each call a process of its own: a damaged file can end that process
/// and nothing else. They are found on the PATH, or in the folder that <see cref="FolderVariable"/> names. Frames come as they are stored,
/// with the orientation that the file asks for beside them.
/// </summary>
public static class FFmpeg
{
    /// <summary>Environment variable with the folder of both programs.</summary>
    public const string FolderVariable = "ADAPTFORMER_FFMPEG";

    private const string Install = "install it (apt-get install ffmpeg, brew install ffmpeg, winget install ffmpeg), or name its folder in "
        + FolderVariable;
    private const int MaxMessage = 400, EndedBySignal = 255, SigInt = 2, SigTerm = 15;      // 255 is what ffmpeg returns after a signal
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60), PatiencePerFrame = TimeSpan.FromSeconds(0.1),
        CountingPatience = TimeSpan.FromMinutes(20);

    /// <summary>
    /// Size and number of frames of a video. The frames that can be decoded are counted, for what a file says of itself, and the number of
    /// its packets, are others where it was cut without encoding it anew, has hidden frames, or is damaged.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="mostFrames">A longer video is refused, without counting to its end; null for any length.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is no video, a damaged one, or longer than allowed.</exception>
    /// <exception cref="NotSupportedException">ffprobe is not installed.</exception>
    public static VideoInfo Probe(string path, int? mostFrames = null)
    {
        Require(path);
        using MemoryStream json = new();
        // A packet may hold no frame that is shown, so twice as many are looked at as there may be frames.
        string[] interval = mostFrames is { } most
            ? ["-read_intervals", string.Create(CultureInfo.InvariantCulture, $"%+#{(2L * most) + 16}")] : [];
        string errors = Run("ffprobe", ["-v", "error", "-select_streams", "v:0", "-count_frames", .. interval, "-show_entries",
            "stream=width,height,nb_read_frames,avg_frame_rate:stream_tags=rotate:stream_side_data=rotation,displaymatrix", "-of", "json",
            path], output => output.CopyTo(json), path, mostFrames is null ? CountingPatience : Patience);
        return Info(json.ToArray(), path, errors, mostFrames);
    }

    /// <summary>Reads ffprobe's answer, whose words are partly those of the file.</summary>
    /// <param name="answer">JSON.</param>
    /// <param name="path">The file that it is about.</param>
    /// <param name="errors">What was complained of.</param>
    /// <param name="mostFrames">A longer video is refused; null for any length.</param>
    internal static VideoInfo Info(ReadOnlyMemory<byte> answer, string path, string errors, int? mostFrames = null)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            if (!document.RootElement.TryGetProperty("streams", out JsonElement streams) || streams.GetArrayLength() == 0)
                throw new InvalidDataException($"{path}: it holds no video. {Shorten(errors)}".TrimEnd());
            JsonElement stream = streams[0];
            (int width, int height) = (stream.GetProperty("width").GetInt32(), stream.GetProperty("height").GetInt32());
            int frames = Number(stream, "nb_read_frames") ?? 0;
            if (width < 1 || height < 1 || frames < 1)
                throw new InvalidDataException($"{path}: it holds no frames. {Shorten(errors)}".TrimEnd());
            if (frames > mostFrames)
                throw new InvalidDataException($"{path}: it has more than {mostFrames} frames, which is the limit here.");
            if ((long)width * height > ImageBuffer.MaxPixels)
                throw new InvalidDataException($"{path}: frames of {width}x{height} pixels are not read.");
            return new VideoInfo(width, height, frames, Rate(stream))
            {
                Orientation = DisplayMatrix.Of(stream),
                Damage = errors.Length == 0 ? null : $"{frames} frames can be decoded. {Shorten(errors)}",
            };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"{path}: ffprobe's answer cannot be read: {e.Message} {Shorten(errors)}".TrimEnd(), e);
        }
    }

    /// <summary>Decodes some frames, resized so that the shorter side is at most <paramref name="shortSide"/>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="info">What <see cref="Probe"/> says of it.</param>
    /// <param name="frames">Frame numbers, ascending; repeated numbers give the same frame again.</param>
    /// <param name="into">Receives as many frames.</param>
    /// <param name="shortSide">Pixels; frames that are smaller keep their size.</param>
    /// <exception cref="InvalidDataException">The file is damaged: fewer frames came than were counted.</exception>
    /// <exception cref="NotSupportedException">ffmpeg is not installed.</exception>
    /// <exception cref="OperationCanceledException">ffmpeg was stopped from outside, by Ctrl-C for instance.</exception>
    public static void Decode(
        string path, VideoInfo info, ReadOnlySpan<int> frames, ClipBuffer into, int shortSide = int.MaxValue)
    {
        Require(path);
        int[] wanted = [.. frames], distinct = [.. wanted.Distinct()];
        if (distinct.Length == 0 || distinct[0] < 0 || !wanted.SequenceEqual(wanted.Order()))
            throw new ArgumentException("FFmpeg.Decode: frame numbers must be ascending, from 0.", nameof(frames));
        (int width, int height) = Reduced(info, shortSide);
        string select = string.Join('+', distinct.Select(n => string.Create(CultureInfo.InvariantCulture, $"eq(n\\,{n})")));
        into.Reset(wanted.Length);
        int came = 0, at = 0;
        string errors = Run("ffmpeg", Arguments(path, select, width, height, distinct.Length), output =>
        {
            while (came < distinct.Length)
            {
                into[at].Reset(width, height);
                if (output.ReadAtLeast(into[at].Pixels, into[at].Pixels.Length, throwOnEndOfStream: false) < into[at].Pixels.Length) break;
                into[at].Orientation = info.Orientation;
                int first = at++;
                while (at < wanted.Length && wanted[at] == wanted[first]) into[at++].CopyFrom(into[first]);
                came++;
            }

            output.CopyTo(Stream.Null);
        }, path);
        if (came < distinct.Length) throw TooFew(path, came, distinct.Length, info, errors);
    }

    /// <summary>Decodes every n-th frame, resized as <see cref="Decode"/> does, and hands over one after the other: the memory is that of
    /// one frame.</summary>
    /// <param name="path">The file.</param>
    /// <param name="info">What <see cref="Probe"/> says of it.</param>
    /// <param name="every">n, at least 1: frames 0, n, 2n…</param>
    /// <param name="shortSide">Pixels; frames that are smaller keep their size.</param>
    /// <param name="take">Gets each frame; its memory is used again for the next.</param>
    /// <exception cref="InvalidDataException">The file is damaged: fewer frames came than were counted.</exception>
    /// <exception cref="NotSupportedException">ffmpeg is not installed.</exception>
    /// <exception cref="OperationCanceledException">ffmpeg was stopped from outside, by Ctrl-C for instance.</exception>
    public static void DecodeAll(string path, VideoInfo info, int every, int shortSide, Action<ImageBuffer> take)
    {
        Require(path);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(every);
        (int width, int height) = Reduced(info, shortSide);
        int expected = (info.Frames + every - 1) / every, came = 0;
        using ImageBuffer frame = new(width, height) { Orientation = info.Orientation };
        string errors = Run("ffmpeg",
            Arguments(path, string.Create(CultureInfo.InvariantCulture, $"not(mod(n\\,{every}))"), width, height, expected), output =>
        {
            for (; came < expected; came++)
            {
                if (output.ReadAtLeast(frame.Pixels, frame.Pixels.Length, throwOnEndOfStream: false) < frame.Pixels.Length) break;
                take(frame);
            }

            output.CopyTo(Stream.Null);
        }, path, Patience + (info.Frames * PatiencePerFrame));
        if (came < expected) throw TooFew(path, came, expected, info, errors);
    }

    private static (int Width, int Height) Reduced(VideoInfo info, int shortSide) =>
        Math.Min(info.Width, info.Height) <= shortSide ? (info.Width, info.Height) : Framing.ShortSide(info.Width, info.Height, shortSide);

    private static string[] Arguments(string path, string select, int width, int height, int count) =>
    [
        "-v", "error", "-nostdin", "-threads", "1", "-noautorotate", "-i", path, "-map", "0:v:0", "-an", "-sn", "-dn",
        "-vf", string.Create(CultureInfo.InvariantCulture, $"select='{select}',scale={width}:{height}:flags=bicubic"), "-vsync", "0",
        "-frames:v", count.ToString(CultureInfo.InvariantCulture), "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1",
    ];

    private static InvalidDataException TooFew(string path, int came, int expected, VideoInfo info, string errors) =>
        new((
            $"{path}: {came} of {expected} frames could be decoded (of {info.Frames} that were counted); the file is damaged or was "
            + "changed. " + Shorten(errors)).TrimEnd());

    /// <summary>Runs a program, hands its output on, and returns what it wrote to stderr.</summary>
    internal static string Run(string program, IEnumerable<string> arguments, Action<Stream> read, string path, TimeSpan? limitedTo = null)
    {
        if (NativeSwitch.Off) throw new NotSupportedException($"Reading videos needs {program}, which is {NativeSwitch.Hidden}.");
        TimeSpan patience = limitedTo ?? Patience;
        ProcessStartInfo start = new(Locate(program), arguments)
        { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false };
        using Process process = Start(start, program);
        process.StandardInput.Close();
        StringBuilder errors = new();
        process.ErrorDataReceived += (_, line) =>
        {
            lock (errors)
            {
                if (line.Data is not null && errors.Length < MaxMessage) errors.AppendLine(line.Data);
            }
        };
        process.BeginErrorReadLine();
        using Timer limit = new(_ => Kill(process), state: null, patience, Timeout.InfiniteTimeSpan);
        long began = Stopwatch.GetTimestamp();
        try
        {
            read(process.StandardOutput.BaseStream);
        }
        finally
        {
            if (!process.WaitForExit(patience)) Kill(process);
            process.WaitForExit();
        }

        if (Stopwatch.GetElapsedTime(began) >= patience)
            throw new InvalidDataException($"{path}: {program} did not end within {patience.TotalSeconds:0} s and was stopped.");
        if (process.ExitCode is EndedBySignal or 128 + SigInt or 128 + SigTerm)
            // Ctrl-C reaches it too; the file is not to blame
            throw new OperationCanceledException($"{path}: {program} was stopped from outside.");
        lock (errors) return errors.ToString();
    }

    private static void Require(string path)
    {
        if (!File.Exists(path)) throw new FileNotFoundException($"{path}: there is no such video.", path);
        RegularFile.Require(path);
    }

    private static Process Start(ProcessStartInfo start, string program)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new NotSupportedException($"Reading videos needs {program}, which was not found: {Install}.", e);
        }
    }

    private static string Locate(string program) =>
        Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } folder ? Path.Combine(folder, program) : program;

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            // It ended by itself in the meantime.
        }
    }

    private static int? Number(JsonElement stream, string name) =>
        stream.TryGetProperty(name, out JsonElement text)
            && int.TryParse(text.GetString(), NumberStyles.Integer, CultureInfo.InvariantCulture, out int number) ? number : null;

    private static double Rate(JsonElement stream)
    {
        string[] parts = stream.TryGetProperty("avg_frame_rate", out JsonElement rate) && rate.GetString() is { } text
            ? text.Split('/') : [];
        return parts.Length == 2 && double.TryParse(parts[0], CultureInfo.InvariantCulture, out double a)
            && double.TryParse(parts[1], CultureInfo.InvariantCulture, out double b) && b > 0 ? a / b : 0;
    }

    private static string Shorten(string errors)
    {
        string text = errors.ReplaceLineEndings(" ").Trim();
        return text.Length == 0 ? "" : $"ffmpeg says: {(text.Length > MaxMessage ? text[..MaxMessage] + " …" : text)}";
    }
}
