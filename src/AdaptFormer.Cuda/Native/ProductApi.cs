namespace AdaptFormer.Cuda.Native;

/// <summary>The functions of cuBLASLt that the backend calls. Each returns a cublasStatus_t, 0 for success.</summary>
internal sealed unsafe class ProductApi(NativeFunctions library)
{
    /// <summary>Types of numbers, cudaDataType_t.</summary>
    public const int Float32 = 0, BFloat16 = 14;

    /// <summary>How products are summed, cublasComputeType_t.</summary>
    public const int InFloat32 = 68, InTensorFloat32 = 77;

    /// <summary>Attributes of a product, cublasLtMatmulDescAttributes_t.</summary>
    public const int TransposeA = 3, TransposeB = 4, Epilogue = 7, BiasPointer = 8;

    /// <summary>Epilogues, cublasLtEpilogue_t: bits that may be joined.</summary>
    public const int Plain = 1, Relu = 2, Bias = 4;

    /// <summary>Attributes of a matrix, cublasLtMatrixLayoutAttribute_t.</summary>
    public const int BatchCount = 5, BatchStride = 6;

    /// <summary>Attributes of a preference, cublasLtMatmulPreferenceAttributes_t; the alignments of B, C and D follow that of A.</summary>
    public const int WorkspaceBytes = 1, ReductionSchemes = 3, AlignmentOfA = 5;

    /// <summary>Parts of a split sum are added by a second kernel, in f32: their order is always the same.</summary>
    public const int ReduceInComputeType = 2;

    /// <summary>Size of cublasLtMatmulHeuristicResult_t, and of the algorithm that it begins with.</summary>
    public const int ResultBytes = 96, AlgorithmBytes = 64;

    public readonly delegate* unmanaged<nint*, int> Create = (delegate* unmanaged<nint*, int>)library["cublasLtCreate"];
    public readonly delegate* unmanaged<nint*, int, ulong, ulong, long, int> LayoutCreate =
        (delegate* unmanaged<nint*, int, ulong, ulong, long, int>)library["cublasLtMatrixLayoutCreate"];
    public readonly delegate* unmanaged<nint, int, void*, nuint, int> LayoutSet =
        (delegate* unmanaged<nint, int, void*, nuint, int>)library["cublasLtMatrixLayoutSetAttribute"];
    public readonly delegate* unmanaged<nint*, int, int, int> DescCreate =
        (delegate* unmanaged<nint*, int, int, int>)library["cublasLtMatmulDescCreate"];
    public readonly delegate* unmanaged<nint, int, void*, nuint, int> DescSet =
        (delegate* unmanaged<nint, int, void*, nuint, int>)library["cublasLtMatmulDescSetAttribute"];
    public readonly delegate* unmanaged<nint*, int> PreferenceCreate =
        (delegate* unmanaged<nint*, int>)library["cublasLtMatmulPreferenceCreate"];
    public readonly delegate* unmanaged<nint, int, void*, nuint, int> PreferenceSet =
        (delegate* unmanaged<nint, int, void*, nuint, int>)library["cublasLtMatmulPreferenceSetAttribute"];
    public readonly delegate* unmanaged<nint, int> PreferenceDestroy =
        (delegate* unmanaged<nint, int>)library["cublasLtMatmulPreferenceDestroy"];
    public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, byte*, int*, int> Heuristic =
        (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, byte*, int*, int>)library["cublasLtMatmulAlgoGetHeuristic"];

    /// <summary>(handle, desc, α, A, layout, B, layout, β, C, layout, D, layout, algorithm, workspace, bytes, stream).</summary>
    public readonly delegate* unmanaged<nint, nint, float*, nint, nint, nint, nint, float*, nint, nint, nint, nint, byte*, nint, nuint,
        nint, int>
        Multiply = (delegate* unmanaged<nint, nint, float*, nint, nint, nint, nint, float*, nint, nint, nint, nint, byte*, nint, nuint,
            nint, int>)
            library["cublasLtMatmul"];

    /// <summary>The name of the file.</summary>
    public string File => library.File;

    /// <summary>Throws what a call's result says.</summary>
    /// <exception cref="CudaException">It was not 0.</exception>
    public static void Check(int code, string call)
    {
        if (code != 0) throw new CudaException($"CUDA: {call} failed with cuBLAS status {code}.");
    }
}
