using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Inference;

/// <summary>From what was asked about to what the model reads: contents are identified, limits checked, pixels decoded. Safe for many
/// threads; as many decode at once as there are cores.</summary>
/// <param name="model">The model.</param>
/// <param name="limits">Limits of inputs.</param>
/// <param name="trunks">Trunks that are kept; an input that has all it needs there is not decoded.</param>
internal sealed class InputReader(Backbone model, InputLimits limits, TrunkCache trunks) : IDisposable
{
    private readonly ConcurrentDictionary<Preprocessing, ImageTransform> _transforms = new();
    private readonly ConcurrentBag<ImageTransform.Scratch> _scratches = [];
    private readonly SemaphoreSlim _decoders = new(MostDecoders);
    private readonly CancellationTokenSource _closing = new();

    private static int MostDecoders => Environment.ProcessorCount;

    /// <summary>Reads an input once and prepares it for each way in which the asked tasks want it.</summary>
    /// <param name="input">The input.</param>
    /// <param name="wanted">The preprocessing of the asked tasks, and the cuts of those that share it.</param>
    /// <param name="cancellation">Gives the reading up.</param>
    /// <exception cref="InvalidDataException">It is no picture or clip, damaged, or beyond a limit.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="ObjectDisposedException">The bank was closed before its turn came.</exception>
    public async Task<IReadOnlyList<PreparedInput>> ReadAsync(
        VisualInput input, IReadOnlyList<(Preprocessing Preprocessing, IReadOnlyList<int?> Cuts)> wanted, CancellationToken cancellation)
    {
        if (input is VisualInput.TensorInput tensor) return [.. Enumerable.Repeat(Prepare(tensor), wanted.Count)];
        if (input is VisualInput.StreamInput stream) input = await BufferAsync(stream, cancellation).ConfigureAwait(false);
        if (input is VisualInput.FileInput { Path: var path } && !Directory.Exists(path) && !model.ReadsClips)
            input = VisualInput.Bytes(await ReadFileAsync(path, cancellation).ConfigureAwait(false), path);
        await TurnAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => Prepare(input, wanted), cancellation).ConfigureAwait(false);
        }
        finally
        {
            _decoders.Release();
        }
    }

    /// <summary>Lets nobody begin any more, and frees the working memory when those who decode are done.</summary>
    public void Dispose()
    {
        _closing.Cancel();
        for (int i = 0; i < MostDecoders; i++) _decoders.Wait();
        foreach (ImageTransform.Scratch scratch in _scratches) scratch.Dispose();
        _closing.Dispose();     // the semaphore is only memory, and those who are leaving its line must find it whole
    }

    private async Task TurnAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _closing.Token);
        try
        {
            await _decoders.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(TaskBank));
        }
    }

    private IReadOnlyList<PreparedInput> Prepare(
        VisualInput input, IReadOnlyList<(Preprocessing Preprocessing, IReadOnlyList<int?> Cuts)> wanted)
    {
        string? content = ContentOf(input);
        PreparedInput?[] prepared = new PreparedInput?[wanted.Count];
        for (int i = 0; i < wanted.Count && content is not null; i++)
        {
            PreparedInput kept =
                new(new InputKey(content, wanted[i].Preprocessing), [], trunks.Of(new InputKey(content, wanted[i].Preprocessing)));
            if (wanted[i].Cuts.All(cut => kept.TrunkFor(cut) is not null)) prepared[i] = kept;
        }

        if (Array.TrueForAll(prepared, ready => ready is not null)) return prepared!;
        if (model.ReadsClips)
        {
            using Opened clip = OpenClip(input);
            for (int i = 0; i < wanted.Count; i++)
                prepared[i] ??= Of(content, wanted[i].Preprocessing, Views(clip.Clip, wanted[i].Preprocessing));
        }
        else
        {
            using Decoded picture = Decode(input);
            for (int i = 0; i < wanted.Count; i++)
                prepared[i] ??= Of(content, wanted[i].Preprocessing, [View(picture, wanted[i].Preprocessing)]);
        }

        return prepared!;
    }

    private PreparedInput Of(string? content, Preprocessing preprocessing, IReadOnlyList<ReadOnlyMemory<float>> views)
    {
        InputKey? key = content is null ? null : new InputKey(content, preprocessing);
        return new PreparedInput(key, views, key is null ? [] : trunks.Of(key));
    }

    private PreparedInput Prepare(VisualInput.TensorInput tensor)
    {
        long expected = model.InputShape.Length;
        if (tensor.Values.Length != expected)
            throw new ArgumentException($"{model.Id} reads tensors of {model.InputShape}, {expected} numbers; got {tensor.Values.Length}.");
        if (tensor.Values.Span.ContainsAnyExceptInRange(float.MinValue, float.MaxValue))
            throw new ArgumentException("The tensor holds numbers that are not finite.");
        InputKey key = new(Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(tensor.Values.Span))), null);
        return new PreparedInput(key, [tensor.Values], trunks.Of(key));
    }

    private async Task<VisualInput> BufferAsync(VisualInput.StreamInput stream, CancellationToken cancellation)
    {
        using MemoryStream whole = new();
        byte[] part = new byte[81920];
        while (await stream.Content.ReadAsync(part, cancellation).ConfigureAwait(false) is var read and > 0)
        {
            whole.Write(part.AsSpan(0, read));
            if (whole.Length > limits.MaxBytes) throw TooLong(stream.Name, whole.Length);
        }

        return VisualInput.Bytes(whole.ToArray(), stream.Name);
    }

    private async Task<byte[]> ReadFileAsync(string path, CancellationToken cancellation)
    {
        if (new FileInfo(path) is { Exists: true, Length: var length } && length > limits.MaxBytes) throw TooLong(path, length);
        return await Task.Run(() => RegularFile.ReadAllBytes(path, "a picture"), cancellation).ConfigureAwait(false);
    }

    private InvalidDataException TooLong(string name, long bytes) =>
        new($"{name}: {bytes} bytes are more than the {limits.MaxBytes} that are read here.");

    /// <summary>SHA-256 of what was asked about; null where it is a folder.</summary>
    private static string? ContentOf(VisualInput input)
    {
        switch (input)
        {
            case VisualInput.BytesInput bytes:
                return Convert.ToHexString(SHA256.HashData(bytes.Content.Span));
            case VisualInput.FileInput { Path: var path } when File.Exists(path):
                using (FileStream file = File.OpenRead(path)) return Convert.ToHexString(SHA256.HashData(file));
            case VisualInput.FramesInput frames:
                using (IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256))
                {
                    foreach (ImageBuffer frame in frames.All)
                    {
                        hash.AppendData(MemoryMarshal.AsBytes((ReadOnlySpan<int>)[frame.Width, frame.Height, (int)frame.Orientation]));
                        hash.AppendData(frame.Pixels);
                    }

                    return Convert.ToHexString(hash.GetHashAndReset());
                }

            default:
                return null;
        }
    }

    private Decoded Decode(VisualInput input)
    {
        if (input is VisualInput.FileInput { Path: var folder })
            throw new ArgumentException($"{folder} is a folder, but {model.Id} reads pictures: give an image file.");
        if (!_scratches.TryTake(out ImageTransform.Scratch? scratch)) scratch = new ImageTransform.Scratch();
        Decoded decoded = new(this, scratch);
        try
        {
            if (input is VisualInput.FramesInput frames)
            {
                if (frames.All.Count != 1)
                    throw new ArgumentException($"{model.Id} reads pictures, got {frames.All.Count} frames; ask about one.");
                decoded.Picture = frames.All[0];
                return decoded;
            }

            VisualInput.BytesInput file = (VisualInput.BytesInput)input;
            if (file.Content.Length > limits.MaxBytes) throw TooLong(file.Name, file.Content.Length);
            ImageInfo info = ImageDecoder.Identify(file.Content.Span, file.Name);
            if ((long)info.Width * info.Height > limits.MaxPixels)
                throw new InvalidDataException(
                    $"{file.Name}: {info.Width}x{info.Height} pixels are more than the {limits.MaxPixels} that are read here.");
            ImageDecoder.Decode(file.Content.Span, scratch.Decoded, file.Name);
            decoded.Picture = scratch.Decoded;
            return decoded;
        }
        catch
        {
            decoded.Dispose();
            throw;
        }
    }

    private ReadOnlyMemory<float> View(Decoded picture, Preprocessing preprocessing)
    {
        ImageTransform transform = TransformOf(preprocessing);
        float[] pixels = new float[transform.SampleLength];
        transform.Apply(picture.Picture, new Rng(0), pixels, picture.Scratch);
        return pixels;
    }

    private ImageTransform TransformOf(Preprocessing preprocessing) => _transforms.GetOrAdd(
        preprocessing,
        wanted => ImageTransform.ForEvaluation(model.ReadsClips ? wanted.ToClips(model.InputShape[1]) : wanted.ToTransform()));

    private Opened OpenClip(VisualInput input)
    {
        switch (input)
        {
            case VisualInput.FramesInput frames:
                Count(frames.Name, frames.All.Count);
                return new Opened(new MemoryClip(frames.Name, frames.All), null);
            case VisualInput.FileInput { Path: var folder } when Directory.Exists(folder):
                UnlabelledDataset all = UnlabelledDataset.Of([folder], clips: true);
                if (all.Count != 1) throw new ArgumentException($"{folder} holds {all.Count} clips; ask about one.");
                Count(folder, all.FrameCount(0));
                return new Opened(all, null);
            case VisualInput.FileInput { Path: var path }:
                return new Opened(new VideoClip(path, path, limits.MaxFrames), null);
            default:
                VisualInput.BytesInput bytes = (VisualInput.BytesInput)input;
                if (bytes.Content.Length > limits.MaxBytes) throw TooLong(bytes.Name, bytes.Content.Length);
                string copy = Path.Combine(Path.GetTempPath(), $"adaptformer-{Guid.NewGuid():N}.video");      // ffmpeg reads files
                try
                {
                    File.WriteAllBytes(copy, bytes.Content.Span);
                    return new Opened(new VideoClip(bytes.Name, copy, limits.MaxFrames), copy);
                }
                catch
                {
                    File.Delete(copy);
                    throw;
                }
        }
    }

    private void Count(string name, int frames)
    {
        if (frames > limits.MaxFrames)
            throw new InvalidDataException($"{name}: it has {frames} frames, {limits.MaxFrames} are the limit here.");
    }

    private IReadOnlyList<ReadOnlyMemory<float>> Views(LabelledDataset clip, Preprocessing preprocessing)
    {
        ItemSamples samples = new(clip, TransformOf(preprocessing));
        using IDisposable scratch = samples.CreateScratch();
        ReadOnlyMemory<float>[] views = new ReadOnlyMemory<float>[samples.Views];
        for (int v = 0; v < views.Length; v++)
        {
            float[] pixels = new float[samples.Length];
            samples.Make(v, new Rng(0), pixels, scratch);
            views[v] = pixels;
        }

        return views;
    }

    /// <summary>A decoded picture in working memory, which goes back for the next one.</summary>
    private sealed class Decoded(InputReader owner, ImageTransform.Scratch scratch) : IDisposable
    {
        public ImageTransform.Scratch Scratch => scratch;

        public ImageBuffer Picture { get; set; } = scratch.Decoded;

        public void Dispose() => owner._scratches.Add(scratch);
    }

    /// <summary>A clip, and the copy of it that ffmpeg reads.</summary>
    private sealed record Opened(LabelledDataset Clip, string? Copy) : IDisposable
    {
        public void Dispose()
        {
            if (Copy is not null) File.Delete(Copy);
        }
    }
}
